// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace driveroot {
namespace {

constexpr TimeNs kMinute = TimeNs{60} * 1'000'000'000;
constexpr TimeNs kHour = 60 * kMinute;
constexpr TimeNs kDay = 24 * kHour;
constexpr TimeNs kNow = 1000 * kDay + 30 * kMinute;

KeptCheckpoint Checkpoint(uint64_t sequence, TimeNs age) {
  return {.sequence = sequence,
          .id = "c" + std::to_string(sequence),
          .hash = {},
          .size = 1,
          .sealed_at = kNow - age,
          .next_object = 10 * sequence};
}

std::vector<uint64_t> Left(const Metadata& metadata,
                           const RetentionPolicy& policy) {
  const RetentionPlan plan = PlanRetention(metadata, policy, kNow);
  std::vector<uint64_t> left;
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    if (!std::ranges::contains(plan.checkpoints_to_drop, sequence)) {
      left.push_back(sequence);
    }
  }
  return left;
}

TEST(RetentionTest, NothingToKeepFromNothing) {
  EXPECT_EQ(PlanRetention(Metadata(), {}, kNow).records_from, 0u);
  EXPECT_TRUE(UnneededObjects(Metadata()).empty());
}

TEST(RetentionTest, TheOnlyCheckpointStays) {
  Metadata metadata;
  metadata.KeepCheckpoint(Checkpoint(5, 900 * kDay));
  const RetentionPlan plan = PlanRetention(
      metadata, {.records = std::chrono::seconds(0), .days = 0}, kNow);
  EXPECT_TRUE(plan.checkpoints_to_drop.empty());
  EXPECT_EQ(plan.records_from, 5u);
}

TEST(RetentionTest, HoursWithinTheWindowAndDaysBeforeIt) {
  Metadata metadata;
  metadata.KeepCheckpoint(Checkpoint(1, 40 * kDay));  // too old
  metadata.KeepCheckpoint(Checkpoint(2, 5 * kDay + 2 * kHour));
  metadata.KeepCheckpoint(Checkpoint(3, 5 * kDay + kHour));  // of that day
  metadata.KeepCheckpoint(Checkpoint(4, 3 * kDay));
  metadata.KeepCheckpoint(Checkpoint(5, 26 * kHour));
  metadata.KeepCheckpoint(Checkpoint(6, 25 * kHour));  // where records begin
  metadata.KeepCheckpoint(Checkpoint(7, 5 * kHour + 2 * kMinute));
  metadata.KeepCheckpoint(Checkpoint(8, 5 * kHour + kMinute));  // of that hour
  metadata.KeepCheckpoint(Checkpoint(9, 2 * kMinute));
  metadata.KeepCheckpoint(Checkpoint(10, kMinute));
  EXPECT_EQ(Left(metadata, {}), (std::vector<uint64_t>{3, 4, 5, 6, 8, 10}));
  EXPECT_EQ(PlanRetention(metadata, {}, kNow).records_from, 6u);
  // A shorter policy, and then the longer one again: what is gone stays gone.
  EXPECT_EQ(Left(metadata, {.records = std::chrono::hours(2), .days = 0}),
            (std::vector<uint64_t>{8, 10}));
  metadata.set_records_from(9);
  EXPECT_EQ(PlanRetention(metadata, {}, kNow).records_from, 9u);
}

// An empty object that died, among kept checkpoints 2 and 6 and with all
// records after 6.
bool IsUnneeded(ObjectNumber number, uint64_t since) {
  Metadata metadata;
  while (metadata.ReserveObject() < number) {
  }
  metadata.AddObject(number, "id", ObjectKind::kSegment, 7,
                     /*note_change=*/true);
  metadata.BuryEmptyObjects(since);
  metadata.KeepCheckpoint(Checkpoint(2, 3 * kDay));
  metadata.KeepCheckpoint(Checkpoint(6, kDay));
  metadata.set_records_from(6);
  return !UnneededObjects(metadata).empty();
}

TEST(RetentionTest, ObjectsStayForStatesThatHadThem) {
  EXPECT_FALSE(IsUnneeded(5, 3));   // made before 2, died after it
  EXPECT_TRUE(IsUnneeded(5, 2));    // died before 2
  EXPECT_TRUE(IsUnneeded(25, 3));   // made and died between 2 and 6
  EXPECT_TRUE(IsUnneeded(25, 6));   // the state after record 6 is without it
  EXPECT_FALSE(IsUnneeded(25, 7));  // died after 6
  EXPECT_FALSE(IsUnneeded(65, 8));  // made and died after 6
}

}  // namespace
}  // namespace driveroot
