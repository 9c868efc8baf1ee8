// SPDX-License-Identifier: Apache-2.0
//
// What a boot reads is fetched in advance at the next one.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/volume/boot_test_util.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

TEST(BootTest, TheNextBootFindsWhatItReadsInTheCache) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ((*volume)->Read()->boot_trace().size(), Boot().size());
  (*volume)->StreamBootTrace();
  while ((*volume)->GetStatus().cache_bytes < Boot().size() * kMaxFrameBytes) {
    std::this_thread::yield();
  }
  Read(**volume, Boot());
  EXPECT_EQ((*volume)->GetStatus().cache_misses, 0u);
}

TEST(BootTest, TraceSurvivesACheckpointAndALongerOne) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  RecordBoot(account, {1, 2, 3, 4}, /*kept=*/true);
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ((*volume)->Read()->boot_trace().size(), 4u);
}

TEST(BootTest, ABootThatWasBrokenOffDoesNotCount) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  RecordBoot(account, {3}, /*kept=*/false);
  RecordBoot(account, {}, /*kept=*/false);
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ((*volume)->Read()->boot_trace().size(), Boot().size());
}

TEST(BootTest, OptimizingPutsWhatABootReadsSideBySide) {
  const auto account = FilledAccount();
  std::vector<int> boot;
  for (int i = 0; i < kFiles; i += 5) boot.push_back((i * 7) % kFiles);
  RecordBoot(account, boot, /*kept=*/true);
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    const BootLayout before = (*volume)->GetBootLayout();
    EXPECT_EQ(before.frames, boot.size());
    EXPECT_GE(before.requests, 10u);
    EXPECT_FALSE(before.IsGood());
    const auto moved = (*volume)->OptimizeBoot();
    ASSERT_TRUE(moved) << moved.error();
    EXPECT_EQ(moved->frames, boot.size());
    EXPECT_TRUE((*volume)->Close());
  }
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  const BootLayout after = (*volume)->GetBootLayout();
  EXPECT_EQ(after.requests, 1u);
  EXPECT_EQ(after.bytes_fetched, after.bytes);
  EXPECT_TRUE(after.IsGood());
  // Nothing more to gain.
  EXPECT_EQ((*volume)->OptimizeBoot().value_or(CompactionResult()).segments,
            0u);
  Read(**volume, boot);
  (*volume)->StreamBootTrace();
}

TEST(BootTest, OptimizingReadsEachPlaceOnce) {
  const auto account = FilledAccount();
  std::vector<int> boot;
  for (int i = 0; i < kFiles; i += 5) boot.push_back((i * 7) % kFiles);
  RecordBoot(account, boot, /*kept=*/true);
  std::atomic<int> reads = 0;
  const auto volume =
      OpenOn(account, TestOptions(),
             [&reads](const StoreCall& call) -> std::optional<Fault> {
               if (call.method == StoreCall::Method::kRead) ++reads;
               return std::nullopt;
             });
  ASSERT_TRUE(volume) << volume.error();
  reads = 0;
  ASSERT_TRUE((*volume)->OptimizeBoot());
  // One for each of the segments that the frames lie in.
  EXPECT_EQ(reads, 4);
}

TEST(BootTest, FramesThatAreGoneAreLeftOut) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  for (const int i : {3, 17}) ASSERT_TRUE(RemoveFile(**volume, Name(i)));
  (*volume)->StreamBootTrace();
  Read(**volume, {40, 18, 60, 5});
}

// What services wrote, each with a record of its own.
void WriteLogs(Volume& volume, int count, size_t size) {
  for (int i = 0; i < count; ++i) {
    const auto seed = static_cast<uint32_t>(1000 + i);
    EXPECT_TRUE(PutFile(volume, "log" + Name(i), Noise(size, seed)));
    EXPECT_TRUE(volume.Sync());
  }
}

uint64_t FetchesForLogs(const std::shared_ptr<FakeAccount>& account, int count,
                        size_t size) {
  VolumeOptions options = TestOptions();
  options.read_only = true;
  const auto volume = OpenOn(account, options);
  EXPECT_TRUE(volume) << volume.error();
  if (!volume) return 0;
  for (int i = 0; i < count; ++i) {
    const auto seed = static_cast<uint32_t>(1000 + i);
    EXPECT_TRUE(GetFile(**volume, "log" + Name(i)).value_or("") ==
                Noise(size, seed));
  }
  return (*volume)->GetStatus().fetches;
}

TEST(BootTest, WhatWasWrittenLastComesWithTheCheckpoint) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    WriteLogs(**volume, 5, 3000);
    // And what nobody synced.
    ASSERT_TRUE(PutFile(**volume, "log" + Name(5), Noise(3000, 1005)));
    ASSERT_TRUE((*volume)->Close());
  }
  EXPECT_EQ(FetchesForLogs(account, 6, 3000), 0u);
  // Still so when something else was done in between.
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(PutFile(**volume, "other", "bytes"));
    ASSERT_TRUE((*volume)->Close());
  }
  EXPECT_EQ(FetchesForLogs(account, 6, 3000), 0u);
}

TEST(BootTest, WhatWasWrittenLastComesWithTheLogAfterACrash) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    WriteLogs(**volume, 5, 3000);
  }
  EXPECT_EQ(FetchesForLogs(account, 5, 3000), 0u);
}

TEST(BootTest, ACheckpointCarriesAMegabyteAtMost) {
  const auto account = FilledAccount();
  RecordBoot(account, Boot(), /*kept=*/true);
  constexpr int kLogs = 30;
  constexpr size_t kBytes = 100'000;
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    WriteLogs(**volume, kLogs, kBytes);
    ASSERT_TRUE((*volume)->Close());
  }
  // The newest ones are there, each of the others is a record of its own.
  EXPECT_EQ(FetchesForLogs(account, kLogs, kBytes), 20u);
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_LT((*volume)->Read()->checkpoints().rbegin()->second.size, 1'100'000u);
}

TEST(BootTest, AVolumeThatNothingBootsFromCarriesNothing) {
  const auto account = FilledAccount();
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    WriteLogs(**volume, 2, 3000);
    ASSERT_TRUE((*volume)->Close());
  }
  EXPECT_EQ(FetchesForLogs(account, 2, 3000), 2u);
}

}  // namespace
}  // namespace driveroot
