// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/prefetch_store.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>
#include <utility>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"

namespace driveroot {
namespace {

constexpr uint64_t kPiece = 1000;
constexpr uint64_t kAll = UINT64_MAX / 2;

// What the store was asked for, and how much of it may arrive.
struct Link {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<ObjectRange> asked;           // by ReadTo, in this order
  std::map<uint64_t, uint64_t> arrived;     // bytes of the range at an offset
  std::map<uint64_t, uint64_t> may_arrive;  // the same; all unless said
  std::set<uint64_t> failing;               // ranges at these offsets
  int reads = 0;                            // by Read

  void Allow(uint64_t offset, uint64_t bytes) {
    const std::lock_guard lock(mutex);
    may_arrive[offset] = bytes;
    changed.notify_all();
  }
  void AwaitAsked(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return asked.size() >= count; });
  }
  void AwaitArrived(uint64_t offset, uint64_t bytes) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return arrived[offset] >= bytes; });
  }
  std::vector<ObjectRange> Asked() {
    const std::lock_guard lock(mutex);
    return asked;
  }
};

// Hands out ranges in pieces, as the link lets them through.
class SlowStore : public FakeObjectStore {
 public:
  SlowStore(std::shared_ptr<FakeAccount> account, Link& link)
      : FakeObjectStore(std::move(account)), link_(link) {}

  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override {
    {
      const std::lock_guard lock(link_.mutex);
      ++link_.reads;
    }
    return FakeObjectStore::Read(id, offset, length);
  }

  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override {
    {
      const std::lock_guard lock(link_.mutex);
      link_.asked.push_back({id, offset, length});
      link_.changed.notify_all();
      if (link_.failing.contains(offset)) {
        return Fail(ErrorCode::kUnavailable, "the network is down");
      }
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               FakeObjectStore::Read(id, offset, length));
    for (uint64_t at = 0; at < bytes.size(); at += kPiece) {
      {
        std::unique_lock lock(link_.mutex);
        link_.changed.wait(lock, [&] {
          const auto limit = link_.may_arrive.find(offset);
          return limit == link_.may_arrive.end() || at < limit->second;
        });
      }
      if (!sink(std::string_view(bytes).substr(at, kPiece))) {
        return Fail(ErrorCode::kCancelled, "the rest is not wanted");
      }
      const std::lock_guard lock(link_.mutex);
      link_.arrived[offset] = at + kPiece;
      link_.changed.notify_all();
    }
    return {};
  }

 private:
  Link& link_;
};

class PrefetchStoreTest : public testing::Test {
 protected:
  PrefetchStoreTest() { Make({.overlap_bytes = 2 * kPiece}); }

  // Ends with nothing under way that waits for the link.
  ~PrefetchStoreTest() override {
    for (const ObjectRange& range : link_.Asked()) {
      link_.Allow(range.offset, kAll);
    }
  }

  void Make(const PrefetchStore::Options& options) {
    account_->objects["a"] = {ObjectKind::kSegment, "a", bytes_};
    store_ = std::make_unique<PrefetchStore>(
        std::make_unique<SlowStore>(account_, link_), options);
  }

  ObjectRange Range(uint64_t offset, uint64_t length) {
    return {"a", offset, length};
  }

  // As somebody who wants the range as a whole.
  std::string Get(uint64_t offset, uint64_t length) {
    std::string got;
    const Status status =
        store_->ReadTo("a", offset, length, [&](std::string_view piece) {
          got += piece;
          return true;
        });
    return status ? got : status.error().ToString();
  }
  std::string Expected(uint64_t offset, uint64_t length) {
    return bytes_.substr(offset, length);
  }

  const std::string bytes_ = Noise(100 * kPiece, 1);
  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  Link link_;
  std::unique_ptr<PrefetchStore> store_;
};

TEST_F(PrefetchStoreTest, WhatIsUnderWayIsNotAskedForAgain) {
  store_->Begin(std::vector{Range(0, 10 * kPiece)});
  link_.AwaitAsked(1);
  EXPECT_EQ(Get(0, 10 * kPiece), Expected(0, 10 * kPiece));
  EXPECT_EQ(link_.Asked().size(), 1u);
  // It was handed out, so it is not there any more.
  EXPECT_EQ(Get(0, 10 * kPiece), Expected(0, 10 * kPiece));
  EXPECT_EQ(link_.Asked().size(), 2u);
}

TEST_F(PrefetchStoreTest, BytesAreHandedOutWhileOthersArrive) {
  link_.Allow(0, 3 * kPiece);
  store_->Begin(std::vector{Range(0, 10 * kPiece)});
  link_.AwaitAsked(1);
  std::promise<void> first;
  std::string got;
  auto reader = std::async(std::launch::async, [&] {
    return store_->ReadTo("a", 0, 10 * kPiece, [&](std::string_view piece) {
      if (got.size() < 3 * kPiece && got.size() + piece.size() >= 3 * kPiece) {
        first.set_value();
      }
      got += piece;
      return true;
    });
  });
  first.get_future().wait();  // though the rest cannot have come
  link_.Allow(0, kAll);
  EXPECT_TRUE(reader.get());
  EXPECT_EQ(got, Expected(0, 10 * kPiece));
  EXPECT_EQ(link_.Asked().size(), 1u);
}

TEST_F(PrefetchStoreTest, RangesComeOneAfterTheOther) {
  link_.Allow(0, 7 * kPiece);
  store_->Begin(std::vector{Range(0, 10 * kPiece), Range(50'000, 5000),
                            Range(20'000, 5000)});
  link_.AwaitArrived(0, 7 * kPiece);
  EXPECT_EQ(link_.Asked(), std::vector{Range(0, 10 * kPiece)});
  // The next one begins when two pieces are still to come.
  link_.Allow(50'000, kPiece);
  link_.Allow(0, 8 * kPiece);
  link_.AwaitArrived(50'000, kPiece);
  EXPECT_EQ(link_.Asked(),
            (std::vector{Range(0, 10 * kPiece), Range(50'000, 5000)}));
  link_.Allow(0, kAll);
  link_.Allow(50'000, kAll);
  link_.AwaitAsked(3);
  EXPECT_EQ(Get(20'000, 5000), Expected(20'000, 5000));
  EXPECT_EQ(Get(50'000, 5000), Expected(50'000, 5000));
  EXPECT_EQ(Get(0, 10 * kPiece), Expected(0, 10 * kPiece));
  EXPECT_EQ(link_.Asked().size(), 3u);
}

TEST_F(PrefetchStoreTest, PartsOfRangesAndMoreThanThemAreReadOnce) {
  store_->Begin(std::vector{Range(10'000, 5000), Range(15'000, 5000),
                            Range(30'000, 5000)});
  link_.AwaitAsked(3);
  link_.AwaitArrived(30'000, 5000);
  // Behind first, and over both into what nobody had asked for.
  EXPECT_EQ(Get(14'000, 4000), Expected(14'000, 4000));
  EXPECT_EQ(Get(10'000, 4000), Expected(10'000, 4000));
  EXPECT_EQ(link_.Asked().size(), 3u);
  EXPECT_EQ(Get(18'000, 20'000), Expected(18'000, 20'000));
  EXPECT_EQ(link_.Asked().size(), 5u);
  EXPECT_EQ(link_.Asked()[3], Range(20'000, 10'000));
  EXPECT_EQ(link_.Asked()[4], Range(35'000, 3000));
}

TEST_F(PrefetchStoreTest, OnlyWhatIsWantedGoesOn) {
  link_.Allow(0, kPiece);
  link_.Allow(40'000, kPiece);
  store_->Begin(
      std::vector{Range(0, 2000), Range(40'000, 9000), Range(60'000, 5000)});
  link_.AwaitArrived(0, kPiece);
  link_.AwaitArrived(40'000, kPiece);
  // The first is not wanted, of the second a part, the third has not begun.
  const std::vector wanted = {Range(42'000, 1000), Range(60'000, 5000)};
  store_->KeepOnly(wanted);
  link_.Allow(0, kAll);
  link_.Allow(40'000, kAll);
  EXPECT_EQ(Get(42'000, 1000), Expected(42'000, 1000));
  EXPECT_EQ(link_.Asked().size(), 2u);
  for (const ObjectRange& range :
       {Range(60'000, 5000), Range(0, 2000), Range(40'000, 9000)}) {
    EXPECT_EQ(Get(range.offset, range.length),
              Expected(range.offset, range.length));
  }
  EXPECT_EQ(link_.Asked().size(), 5u);
}

TEST_F(PrefetchStoreTest, WhatFailsIsLeftToWhoAsks) {
  link_.failing = {0};
  store_->Begin(std::vector{Range(0, 5000), ObjectRange{"gone", 1, 5000},
                            Range(99'000, 5000)});
  link_.AwaitAsked(3);
  // The object ends within the last one.
  EXPECT_EQ(Get(99'000, 5000), Expected(99'000, 5000));
  {
    const std::lock_guard lock(link_.mutex);
    link_.failing.clear();
  }
  EXPECT_EQ(Get(0, 5000), Expected(0, 5000));
  const Status gone =
      store_->ReadTo("gone", 1, 5000, [](std::string_view) { return true; });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
}

TEST_F(PrefetchStoreTest, ReadingAnewAsksTheStore) {
  store_->Begin(std::vector{Range(0, 5000)});
  link_.AwaitArrived(0, 5000);
  EXPECT_EQ(store_->Read("a", 0, 100).value_or(""), Expected(0, 100));
  EXPECT_EQ(link_.reads, 1);
}

TEST_F(PrefetchStoreTest, WhoWantsNoMoreGetsNoMore) {
  store_->Begin(std::vector{Range(0, 5000)});
  link_.AwaitAsked(1);
  int pieces = 0;
  const Status status = store_->ReadTo("a", 0, 5000, [&](std::string_view) {
    ++pieces;
    return false;
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(pieces, 1);
}

TEST_F(PrefetchStoreTest, WhatNobodyAsksForIsForgotten) {
  Make({.overlap_bytes = 0, .patience = std::chrono::milliseconds(0)});
  store_->Begin(std::vector{Range(0, 5000)});
  // Until it is asked for anew.
  while (link_.Asked().size() < 2) {
    link_.AwaitArrived(0, 5000);
    EXPECT_EQ(Get(4999, 1), Expected(4999, 1));
  }
}

TEST_F(PrefetchStoreTest, IsBounded) {
  std::vector<ObjectRange> ranges;
  for (uint64_t i = 0; i < 2 * kMaxPrefetchRanges; ++i) {
    ranges.push_back(Range(i * 1000, 1000));
  }
  store_->Begin(ranges);
  link_.AwaitAsked(kMaxPrefetchRanges);
  store_ = nullptr;
  EXPECT_EQ(link_.Asked().size(), kMaxPrefetchRanges);
  Make({});
  store_->Begin(std::vector{Range(0, 1000), Range(1000, kMaxPrefetchBytes)});
  link_.AwaitAsked(kMaxPrefetchRanges + 1);
  store_ = nullptr;
  EXPECT_EQ(link_.Asked().size(), kMaxPrefetchRanges + 1);
  // However long it claims to be.
  Make({});
  store_->Begin(std::vector{Range(0, 1000), Range(1000, UINT64_MAX - 1000)});
  link_.AwaitAsked(kMaxPrefetchRanges + 2);
  store_ = nullptr;
  EXPECT_EQ(link_.Asked().size(), kMaxPrefetchRanges + 2);
}

TEST_F(PrefetchStoreTest, EndsWithRangesUnderWay) {
  link_.Allow(0, kPiece);
  store_->Begin(std::vector{Range(0, 9000), Range(20'000, 5000)});
  link_.AwaitArrived(0, kPiece);
  auto end = std::async(std::launch::async, [this] { store_ = nullptr; });
  link_.Allow(0, kAll);
  end.get();
  EXPECT_LE(link_.Asked().size(), 2u);
}

}  // namespace
}  // namespace driveroot
