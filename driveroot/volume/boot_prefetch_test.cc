// SPDX-License-Identifier: Apache-2.0
//
// What a boot reads first is on its way before the volume is open.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/boot_test_util.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

std::vector<int> LongBoot() {
  std::vector<int> files;
  for (int i = 0; i < kFiles; i += 5) files.push_back((i * 7) % kFiles);
  return files;
}

// A volume that a machine booted from, with what it reads side by side.
std::shared_ptr<FakeAccount> BootedAccount() {
  auto account = FilledAccount();
  RecordBoot(account, LongBoot(), /*kept=*/true);
  const auto volume = OpenOn(account);
  EXPECT_TRUE(volume) << volume.error();
  EXPECT_TRUE((*volume)->OptimizeBoot());
  EXPECT_TRUE((*volume)->Close());
  return account;
}

// Notes what is read of segments, and in what order.
class Reads {
 public:
  struct Read {
    ObjectRange range;
    bool before_checkpoint = false;  // had come
  };

  // What a checkpoint's reader waits for, but not for ever.
  bool AwaitOne() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [this] { return !reads_.empty(); });
  }
  void Note(const ObjectRange& range) {
    const std::lock_guard lock(mutex_);
    reads_.push_back({range, !checkpoint_has_come_});
    changed_.notify_all();
  }
  // What is read of `ids` comes when Release() is called, but not never.
  void Hold(const std::vector<ObjectId>& ids) {
    const std::lock_guard lock(mutex_);
    held_.insert(ids.begin(), ids.end());
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    held_.clear();
    changed_.notify_all();
  }
  void AwaitRelease(const ObjectId& id) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20),
                      [&] { return !held_.contains(id); });
  }
  void CheckpointHasCome() {
    const std::lock_guard lock(mutex_);
    checkpoint_has_come_ = true;
  }

  std::vector<Read> All() {
    const std::lock_guard lock(mutex_);
    return reads_;
  }
  uint64_t Bytes() {
    uint64_t bytes = 0;
    for (const Read& read : All()) bytes += read.range.length;
    return bytes;
  }

 private:
  std::mutex mutex_;  // guards what is below
  std::condition_variable changed_;
  std::vector<Read> reads_;
  std::set<ObjectId> held_;
  bool checkpoint_has_come_ = false;
};

class WatchedStore : public FakeObjectStore {
 public:
  WatchedStore(std::shared_ptr<FakeAccount> account, Reads& reads,
               bool checkpoint_waits)
      : FakeObjectStore(account),
        account_(std::move(account)),
        reads_(reads),
        checkpoint_waits_(checkpoint_waits) {}

  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override {
    std::optional<ObjectKind> kind;
    {
      const std::lock_guard lock(account_->mutex);
      const auto found = account_->objects.find(id);
      if (found != account_->objects.end()) kind = found->second.kind;
    }
    if (kind == ObjectKind::kSegment) {
      reads_.Note({id, offset, length});
      reads_.AwaitRelease(id);
    }
    Result<std::string> bytes = FakeObjectStore::Read(id, offset, length);
    if (kind == ObjectKind::kCheckpoint) {
      if (checkpoint_waits_) {
        EXPECT_TRUE(reads_.AwaitOne());
      }
      reads_.CheckpointHasCome();
    }
    return bytes;
  }

 private:
  const std::shared_ptr<FakeAccount> account_;
  Reads& reads_;
  const bool checkpoint_waits_;
};

VolumeOptions BootOptions() {
  VolumeOptions options = TestOptions();
  options.read_only = true;
  options.is_boot = true;
  return options;
}

std::vector<ObjectRange> RangesIn(const FakeAccount& account) {
  return ParseSuperblock(*account.superblock)->boot;
}

void SetRanges(FakeAccount& account, std::vector<ObjectRange> ranges) {
  Superblock superblock = ParseSuperblock(*account.superblock).value();
  superblock.boot = std::move(ranges);
  account.superblock = *EncodeSuperblock(superblock);
}

// Opens as a boot and reads what that reads; returns what it asked for.
std::vector<Reads::Read> BootAndRead(
    const std::shared_ptr<FakeAccount>& account, bool checkpoint_waits) {
  Reads reads;
  auto volume = Volume::Open(
      std::make_unique<WatchedStore>(account, reads, checkpoint_waits),
      BootOptions());
  EXPECT_TRUE(volume) << volume.error();
  if (!volume) return {};
  Read(**volume, LongBoot());
  const BootLayout layout = (*volume)->GetBootLayout();
  // Nothing is under way any more.
  volume->reset();
  EXPECT_GE(reads.Bytes(), layout.bytes);
  return reads.All();
}

TEST(BootPrefetchTest, TheSuperblockSaysWhereABootReads) {
  const auto account = BootedAccount();
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  const BootLayout layout = (*volume)->GetBootLayout();
  const std::vector<ObjectRange> ranges = RangesIn(*account);
  ASSERT_EQ(ranges.size(), layout.requests);
  uint64_t bytes = 0;
  for (const ObjectRange& range : ranges) {
    EXPECT_EQ(account->objects.at(range.id).kind, ObjectKind::kSegment);
    bytes += range.length;
  }
  EXPECT_EQ(bytes, layout.bytes_fetched);
}

TEST(BootPrefetchTest, AVolumeThatNothingBootsFromSaysNothing) {
  const auto account = FilledAccount();
  EXPECT_TRUE(RangesIn(*account).empty());
}

TEST(BootPrefetchTest, AFewRangesAreNamedAtMost) {
  const auto account = FilledAccount();
  std::vector<int> strewn;
  for (int i = 0; i < kFiles; i += 5) strewn.push_back(i);
  RecordBoot(account, strewn, /*kept=*/true);
  EXPECT_EQ(RangesIn(*account).size(), kMaxBootRanges);
}

TEST(BootPrefetchTest, ItIsAskedForBeforeTheCheckpointHasCome) {
  const auto account = BootedAccount();
  const std::vector<ObjectRange> ranges = RangesIn(*account);
  const auto reads = BootAndRead(account, /*checkpoint_waits=*/true);
  // And never again.
  ASSERT_EQ(reads.size(), ranges.size());
  EXPECT_EQ(reads.front().range, ranges.front());
  EXPECT_TRUE(reads.front().before_checkpoint);
}

TEST(BootPrefetchTest, AHintThatIsWrongCostsRequestsOnly) {
  const auto account = BootedAccount();
  const std::vector<ObjectRange> right = RangesIn(*account);
  ASSERT_EQ(right.size(), 1u);
  const ObjectId segment = account->Ids(ObjectKind::kSegment).front();
  const ObjectRange gone = {"gone", 0, 4096};
  const ObjectRange other = {segment, 4096, 1 << 20};
  ASSERT_NE(segment, right[0].id);

  SetRanges(*account, {});
  auto reads = BootAndRead(account, /*checkpoint_waits=*/false);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_FALSE(reads[0].before_checkpoint);
  EXPECT_EQ(reads[0].range, right[0]);

  // There is nothing that could be read of what is gone.
  SetRanges(*account, {gone, right[0]});
  reads = BootAndRead(account, /*checkpoint_waits=*/true);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].range, right[0]);

  // Both begin together; what has not begun when the volume is open is given
  // up.
  SetRanges(*account, {other, right[0]});
  reads = BootAndRead(account, /*checkpoint_waits=*/true);
  EXPECT_LE(std::ranges::count(reads, other, &Reads::Read::range), 1);
  EXPECT_EQ(std::ranges::count(reads, right[0], &Reads::Read::range), 1);
  EXPECT_LE(reads.size(), 2u);

  // Less than is wanted: the rest is asked for, too, and nothing twice.
  const uint64_t half = right[0].length / 2;
  SetRanges(*account, {{right[0].id, right[0].offset, half}});
  reads = BootAndRead(account, /*checkpoint_waits=*/true);
  ASSERT_EQ(reads.size(), 2u);
  EXPECT_EQ(reads[1].range, (ObjectRange{right[0].id, right[0].offset + half,
                                         right[0].length - half}));
}

TEST(BootPrefetchTest, WhatHasNotBegunWhenTheVolumeIsOpenIsLeftToTheFetcher) {
  const auto account = BootedAccount();
  const ObjectRange right = RangesIn(*account).at(0);
  const std::vector<ObjectId> segments = account->Ids(ObjectKind::kSegment);
  const std::vector<ObjectRange> wrong = {{segments[0], 0, 2 << 20},
                                          {segments[1], 0, 2 << 20}};
  SetRanges(*account, {wrong[0], wrong[1], right});
  Reads reads;
  reads.Hold({segments[0], segments[1]});
  auto volume =
      Volume::Open(std::make_unique<WatchedStore>(account, reads,
                                                  /*checkpoint_waits=*/false),
                   BootOptions());
  ASSERT_TRUE(volume) << volume.error();
  // Though what was begun for nothing does not come.
  Read(**volume, LongBoot());
  reads.Release();
  std::vector<int> all(kFiles);
  std::iota(all.begin(), all.end(), 0);
  Read(**volume, all);
  volume->reset();
  EXPECT_EQ(std::ranges::count(reads.All(), right, &Reads::Read::range), 1);
}

TEST(BootPrefetchTest, DamagedBytesAreFetchedAgain) {
  const auto account = BootedAccount();
  const ObjectRange range = RangesIn(*account).at(0);
  auto store = std::make_unique<FaultyObjectStore>(
      std::make_unique<FakeObjectStore>(account), nullptr);
  std::atomic<int> damaged = 0;
  store->set_damage(
      [&](const ObjectId& id, uint64_t offset, std::string& bytes) {
        if (id != range.id || offset != range.offset || damaged++ > 0) return;
        for (size_t i = 0; i < bytes.size(); i += 10'000) bytes[i] ^= 1;
      });
  const auto volume = Volume::Open(std::move(store), BootOptions());
  ASSERT_TRUE(volume) << volume.error();
  Read(**volume, LongBoot());
  EXPECT_GE(damaged, 1);
}

TEST(BootPrefetchTest, OnlyABootOfThePresentBegins) {
  const auto account = BootedAccount();
  VolumeOptions no_boot = BootOptions();
  no_boot.is_boot = false;
  VolumeOptions past = BootOptions();
  past.at = AtRecord{1};
  for (const VolumeOptions& options : {no_boot, past}) {
    Reads reads;
    const auto volume =
        Volume::Open(std::make_unique<WatchedStore>(account, reads,
                                                    /*checkpoint_waits=*/false),
                     options);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(reads.All().empty());
  }
}

}  // namespace
}  // namespace driveroot
