// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
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
  // 10, 20, 40 and the rest of a hundred.
  EXPECT_EQ(fetcher.counters().fetches, 4u);
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

TEST_F(FetcherTest, PrefetchedFramesAreHits) {
  Fetcher fetcher(store_, *this, cache_, Options());
  fetcher.Prefetch({&frames_[20], 1});
  while (!cache_.Contains(frames_[20].number)) std::this_thread::yield();
  ExpectContent(fetcher, frames_[20]);
  EXPECT_EQ(fetcher.counters().misses, 0u);
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
