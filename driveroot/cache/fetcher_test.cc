// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/hash.h"

namespace driveroot {
namespace {

constexpr uint32_t kFrameBytes = 1000;

// One object of many frames, none of which is compressed.
class FetcherTest : public testing::Test, public FrameIndex {
 protected:
  static constexpr size_t kFrames = 100;

  FetcherTest()
      : account_(std::make_shared<FakeAccount>()),
        store_(std::make_unique<FakeObjectStore>(account_),
               [this](const StoreCall&) -> std::optional<Fault> {
                 while (held_) std::this_thread::yield();
                 if (!down_) return std::nullopt;
                 return Fault();
               }) {
    std::string bytes;
    for (size_t i = 0; i < kFrames; ++i) {
      const std::string raw = Content(i);
      frames_.push_back({.number = i + 1,
                         .object = 1,
                         .object_offset = bytes.size(),
                         .stored_length = kFrameBytes,
                         .raw_length = kFrameBytes,
                         .hash = Sha256(raw)});
      bytes += raw;
    }
    EXPECT_TRUE(store_.Create("id", ObjectKind::kSegment, "s", bytes));
  }

  ~FetcherTest() override { held_ = false; }

  ObjectId FindObjectId(ObjectNumber object) const override {
    return object == 1 ? "id" : "";
  }

  std::vector<StoredFrame> FramesOf(ObjectNumber, uint64_t begin,
                                    uint64_t end) const override {
    std::vector<StoredFrame> found;
    for (const StoredFrame& frame : frames_) {
      if (frame.object_offset >= begin && frame.object_offset < end) {
        found.push_back(frame);
      }
    }
    return found;
  }

  static std::string Content(size_t i) {
    return std::string(kFrameBytes, static_cast<char>('a' + i % 26));
  }

  // Windows of ten frames, up to forty.
  static FetcherOptions Options() {
    return {.threads = 3,
            .min_window_bytes = 10 * kFrameBytes,
            .max_window_bytes = 40 * kFrameBytes};
  }

  static void ExpectContent(Fetcher& fetcher, const StoredFrame& frame) {
    const auto bytes = fetcher.Fetch({&frame, 1});
    ASSERT_TRUE(bytes) << bytes.error();
    EXPECT_EQ(*bytes->front(), Content(frame.number - 1));
  }

  std::atomic<bool> down_ = false;
  std::atomic<bool> held_ = false;
  std::shared_ptr<FakeAccount> account_;
  FaultyObjectStore store_;
  std::vector<StoredFrame> frames_;
  FrameCache cache_{1 << 20};
};

TEST_F(FetcherTest, NeighboursComeAlong) {
  Fetcher fetcher(store_, *this, cache_, Options());
  ExpectContent(fetcher, frames_[50]);
  while (!cache_.Contains(frames_[54].number)) std::this_thread::yield();
  for (size_t i = 50; i < 55; ++i) ExpectContent(fetcher, frames_[i]);
  EXPECT_EQ(fetcher.counters().fetches, 1u);
  EXPECT_EQ(fetcher.counters().misses, 1u);
  EXPECT_EQ(fetcher.counters().hits, 5u);
}

TEST_F(FetcherTest, ReadingInOrderTakesFewRequests) {
  Fetcher fetcher(store_, *this, cache_, Options());
  for (const StoredFrame& frame : frames_) ExpectContent(fetcher, frame);
  // 11, 15, 30, and the rest of a hundred, of which one takes 40 at most.
  EXPECT_EQ(fetcher.counters().fetches, 5u);
  EXPECT_EQ(fetcher.counters().bytes_fetched, kFrames * kFrameBytes);
}

TEST_F(FetcherTest, AskedTogetherFetchedOnce) {
  Fetcher fetcher(store_, *this, cache_, Options());
  held_ = true;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { ExpectContent(fetcher, frames_[3]); });
  }
  while (fetcher.counters().misses < 8) std::this_thread::yield();
  held_ = false;
  threads.clear();
  EXPECT_EQ(fetcher.counters().fetches, 1u);
}

TEST_F(FetcherTest, OneCallMayAskForAnything) {
  Fetcher fetcher(store_, *this, cache_, Options());
  const std::vector<StoredFrame> wanted = {frames_[90], frames_[3], frames_[90],
                                           frames_[40]};
  const auto bytes = fetcher.Fetch(wanted);
  ASSERT_TRUE(bytes) << bytes.error();
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(*(*bytes)[i], Content(wanted[i].number - 1));
  }
}

TEST_F(FetcherTest, DamageIsNamedAndNeverServed) {
  account_->objects["id"].bytes[50 * kFrameBytes + 7] ^= 1;
  Fetcher fetcher(store_, *this, cache_, Options());
  const auto bytes = fetcher.Fetch({&frames_[50], 1});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(bytes.error().message().find("object id"), std::string::npos);
  EXPECT_NE(bytes.error().message().find("frame 51"), std::string::npos);
  EXPECT_FALSE(cache_.Contains(frames_[50].number));
  // Its neighbours are in order.
  ExpectContent(fetcher, frames_[49]);
  ExpectContent(fetcher, frames_[51]);
}

TEST_F(FetcherTest, ObjectThatIsTooShortOrMissing) {
  account_->objects["id"].bytes.resize(50 * kFrameBytes + 10);
  Fetcher fetcher(store_, *this, cache_, Options());
  for (const size_t i : {50, 70}) {
    EXPECT_EQ(fetcher.Fetch({&frames_[i], 1}).error().code(),
              ErrorCode::kDataLoss);
  }
  account_->objects.clear();
  const auto missing = fetcher.Fetch({&frames_[0], 1});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(missing.error().message().find("missing"), std::string::npos);
}

TEST_F(FetcherTest, OutageIsPassedOnAndForgotten) {
  Fetcher fetcher(store_, *this, cache_, Options());
  down_ = true;
  EXPECT_EQ(fetcher.Fetch({&frames_[5], 1}).error().code(),
            ErrorCode::kUnavailable);
  down_ = false;
  ExpectContent(fetcher, frames_[5]);
}

TEST_F(FetcherTest, AnyNumberWaitsWithoutAThread) {
  constexpr size_t kCalls = 500;
  FetcherOptions options = Options();
  options.threads = 1;
  Fetcher fetcher(store_, *this, cache_, options);
  held_ = true;
  std::atomic<size_t> right = 0;
  std::atomic<size_t> done = 0;
  for (size_t i = 0; i < kCalls; ++i) {
    const StoredFrame& frame = frames_[i % kFrames];
    const auto now = fetcher.FetchThen(
        {&frame, 1}, {}, 0,
        [&, number = i % kFrames](Result<std::vector<FrameBytes>> bytes) {
          if (bytes && *bytes->front() == Content(number)) ++right;
          ++done;
        });
    EXPECT_FALSE(now);
  }
  EXPECT_EQ(done, 0u);
  held_ = false;
  while (done < kCalls) std::this_thread::yield();
  EXPECT_EQ(right, kCalls);
  // What is in memory is not waited for.
  const auto now = fetcher.FetchThen({frames_.data(), 1}, {}, 0,
                                     [&](const auto&) { ++done; });
  ASSERT_TRUE(now);
  EXPECT_EQ(*(*now)->front(), Content(0));
  EXPECT_EQ(done, kCalls);
}

TEST_F(FetcherTest, ACancelledCallIsNotToldAndFetchesNothing) {
  FetcherOptions options = Options();
  options.threads = 1;
  std::atomic<int> first = 0;
  std::atomic<int> second = 0;
  {
    Fetcher fetcher(store_, *this, cache_, options);
    held_ = true;
    Fetcher::Ticket ticket = 0;
    EXPECT_FALSE(fetcher.FetchThen({frames_.data(), 1}, {}, 0,
                                   [&](const auto&) { ++first; }));
    EXPECT_FALSE(fetcher.FetchThen(
        {&frames_[60], 1}, {}, 0, [&](const auto&) { ++second; }, &ticket));
    fetcher.Cancel(ticket);
    fetcher.Cancel(ticket);
    held_ = false;
    // Its request would have come before this one.
    ExpectContent(fetcher, frames_[99]);
    EXPECT_EQ(fetcher.counters().fetches, 2u);
    EXPECT_FALSE(cache_.Contains(frames_[60].number));
    // It can be asked for anew.
    ExpectContent(fetcher, frames_[60]);
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

TEST_F(FetcherTest, FramesAheadAreHits) {
  Fetcher fetcher(store_, *this, cache_, Options());
  ASSERT_TRUE(fetcher.Fetch({&frames_[20], 1}, {&frames_[90], 1}, 5));
  while (!cache_.Contains(frames_[90].number)) std::this_thread::yield();
  ExpectContent(fetcher, frames_[90]);
  EXPECT_EQ(fetcher.counters().misses, 1u);
  // What came along and nobody asked for is no use.
  EXPECT_EQ(fetcher.counters().bytes_used, 2 * kFrameBytes);
  ExpectContent(fetcher, frames_[90]);
  EXPECT_EQ(fetcher.counters().bytes_used, 2 * kFrameBytes);
}

TEST_F(FetcherTest, TraceHasTheFirstUsesInOrder) {
  Fetcher fetcher(store_, *this, cache_, Options());
  ExpectContent(fetcher, frames_[7]);
  fetcher.StartTrace(3 * kFrameBytes);
  for (const size_t i : {50, 7, 50, 20, 30}) ExpectContent(fetcher, frames_[i]);
  // The one before it began does not count, nor those beyond its room.
  EXPECT_EQ(fetcher.TakeTrace(), (std::vector<FrameNumber>{51, 8, 21}));
  ExpectContent(fetcher, frames_[60]);
  EXPECT_TRUE(fetcher.TakeTrace().empty());
}

// A store whose answers come as slowly as the test wants.
class SteppedStore : public FakeObjectStore {
 public:
  using FakeObjectStore::FakeObjectStore;

  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               Read(id, offset, length));
    {
      const std::lock_guard lock(mutex_);
      begun_.push_back(offset / kFrameBytes);
      changed_.notify_all();
    }
    for (size_t at = 0; at < bytes.size(); at += kFrameBytes) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return allowed_ > 0; });
      --allowed_;
      lock.unlock();
      if (!sink(std::string_view(bytes).substr(at, kFrameBytes))) {
        return Fail(ErrorCode::kCancelled, "not wanted");
      }
    }
    return {};
  }

  // Lets so many more frames through.
  void Allow(int frames) {
    const std::lock_guard lock(mutex_);
    allowed_ += frames;
    changed_.notify_all();
  }

  // The first frames of the requests, once there are `count`.
  std::vector<uint64_t> AwaitRequests(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_.size() >= count; });
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
  std::vector<uint64_t> begun_;
};

class SteppedFetcherTest : public FetcherTest {
 protected:
  // As if each request could only go on when the one before it is over.
  static FetcherOptions OneAtATime() {
    FetcherOptions options = Options();
    options.threads = 1;
    return options;
  }

  void AwaitCached(size_t first, size_t last) const {
    for (size_t i = first; i <= last; ++i) {
      while (!cache_.Contains(frames_[i].number)) std::this_thread::yield();
    }
  }

  // Frames 40 to 79 are fetched ahead for reader 5, and stuck.
  void GetStuckAhead(Fetcher& fetcher) {
    stepped_.Allow(11);
    ExpectContent(fetcher, frames_[0]);
    AwaitCached(0, 10);
    const std::span<const StoredFrame> all(frames_);
    ASSERT_TRUE(fetcher.Fetch(all.first(1), all.subspan(40, 40), /*reader=*/5));
    EXPECT_EQ(stepped_.AwaitRequests(2)[1], 40u);
  }

  SteppedStore stepped_{account_};
};

TEST_F(SteppedFetcherTest, FramesAreThereBeforeTheWholeRangeIs) {
  Fetcher fetcher(stepped_, *this, cache_, Options());
  stepped_.Allow(1);
  ExpectContent(fetcher, frames_[0]);
  EXPECT_FALSE(cache_.Contains(frames_[1].number));
  stepped_.Allow(1);
  ExpectContent(fetcher, frames_[1]);
  EXPECT_EQ(fetcher.counters().fetches, 1u);
  stepped_.Allow(100);
}

TEST_F(SteppedFetcherTest, WhoWaitsOvertakesTheStream) {
  Fetcher fetcher(stepped_, *this, cache_, OneAtATime());
  // Three requests of up to 40 frames, of which the first is under way.
  fetcher.Stream(frames_);
  EXPECT_EQ(stepped_.AwaitRequests(1).front(), 0u);
  std::jthread reader([&] { ExpectContent(fetcher, frames_[85]); });
  while (fetcher.counters().misses == 0) std::this_thread::yield();
  stepped_.Allow(41);
  reader.join();
  EXPECT_EQ(stepped_.AwaitRequests(2)[1], 85u);
  stepped_.Allow(100);
  AwaitCached(0, 99);
  // Nothing twice, though the third request is in two parts now.
  EXPECT_EQ(fetcher.counters().bytes_fetched, kFrames * kFrameBytes);
  EXPECT_EQ(fetcher.counters().fetches, 4u);
}

TEST_F(SteppedFetcherTest, WhatWasPlannedStaysWhole) {
  FetcherOptions options = OneAtATime();
  options.read_ahead = false;
  Fetcher fetcher(stepped_, *this, cache_, options);
  const std::span<const StoredFrame> all(frames_);
  fetcher.FetchAhead(all.first(40));
  EXPECT_EQ(stepped_.AwaitRequests(1).front(), 0u);
  fetcher.FetchAhead(all.subspan(40, 40));
  std::jthread reader([&] { ExpectContent(fetcher, frames_[75]); });
  while (fetcher.counters().misses == 0) std::this_thread::yield();
  stepped_.Allow(1000);
  reader.join();
  // And nobody reads on after what was planned.
  for (const StoredFrame& frame : all.first(80)) ExpectContent(fetcher, frame);
  EXPECT_EQ(fetcher.counters().fetches, 2u);
  EXPECT_EQ(fetcher.counters().bytes_fetched, 80 * kFrameBytes);
}

TEST_F(SteppedFetcherTest, StreamKeepsToTheOrderOfUse) {
  FetcherOptions options = OneAtATime();
  options.max_window_bytes = 10 * kFrameBytes;
  Fetcher fetcher(stepped_, *this, cache_, options);
  stepped_.Allow(1000);
  // Each lies in another request.
  fetcher.Stream(std::vector<StoredFrame>{frames_[55], frames_[5], frames_[95],
                                          frames_[35], frames_[56]});
  EXPECT_EQ(stepped_.AwaitRequests(4), (std::vector<uint64_t>{55, 5, 95, 35}));
}

TEST_F(SteppedFetcherTest, WhatIsNotWantedAnyMoreIsGivenUp) {
  Fetcher fetcher(stepped_, *this, cache_, Options());
  GetStuckAhead(fetcher);
  fetcher.CancelReadAhead(5);
  EXPECT_EQ(fetcher.counters().cancelled, 1u);
  // Whoever wants them all the same gets them by another request.
  std::jthread reader([&] { ExpectContent(fetcher, frames_[79]); });
  stepped_.AwaitRequests(3);
  stepped_.Allow(1000);
  reader.join();
  AwaitCached(77, 89);
  // 0 to 10, the one after which the request ended, 77 to 89.
  EXPECT_EQ(fetcher.counters().bytes_fetched, (11 + 1 + 13) * kFrameBytes);
}

TEST_F(SteppedFetcherTest, WhatSomebodyWaitsForIsNotGivenUp) {
  Fetcher fetcher(stepped_, *this, cache_, Options());
  GetStuckAhead(fetcher);
  std::jthread other([&] { ExpectContent(fetcher, frames_[60]); });
  while (fetcher.counters().misses < 2) std::this_thread::yield();
  fetcher.CancelReadAhead(5);
  EXPECT_EQ(fetcher.counters().cancelled, 0u);
  stepped_.Allow(1000);
}

TEST(FrameCacheTest, LongestUnusedGoesFirst) {
  FrameCache cache(3000);
  const auto bytes = std::make_shared<const std::string>(1000, 'x');
  for (const FrameNumber number : {1, 2, 3}) cache.Insert(number, bytes);
  EXPECT_NE(cache.Find(1), nullptr);
  cache.Insert(4, bytes);
  EXPECT_FALSE(cache.Contains(2));
  EXPECT_TRUE(cache.Contains(1));
  EXPECT_EQ(cache.bytes(), 3000u);
  // What would push out everything is not kept.
  cache.Insert(5, std::make_shared<const std::string>(3001, 'x'));
  EXPECT_FALSE(cache.Contains(5));
  EXPECT_EQ(cache.bytes(), 3000u);
}

}  // namespace
}  // namespace driveroot
