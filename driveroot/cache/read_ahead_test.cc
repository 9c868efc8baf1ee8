// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/read_ahead.h"

#include <gtest/gtest.h>

#include <vector>

namespace driveroot {
namespace {

constexpr uint64_t kFile = 7;

// Windows of 10, 20 and 40 bytes.
ReadAheadPolicy::Options SmallWindows() {
  return {.first_window = 10, .largest_window = 40, .slack = 8};
}

TEST(ReadAheadPolicyTest, WindowsDoubleWhileReadingInOrder) {
  ReadAheadPolicy policy(SmallWindows());
  std::vector<uint64_t> fetched;
  uint64_t end = 0;
  for (uint64_t offset = 0; offset < 200; offset += 5) {
    const auto advice = policy.OnRead(kFile, offset, 5);
    EXPECT_FALSE(advice.jumped);
    // A reader never comes to where nothing was asked for.
    if (offset > 0) EXPECT_LE(offset + 5, end) << offset;
    if (!advice.fetch) continue;
    if (end > 0) EXPECT_EQ(advice.fetch->offset, end);
    end = advice.fetch->offset + advice.fetch->length;
    fetched.push_back(end - (offset + 5));
  }
  ASSERT_GE(fetched.size(), 4u);
  EXPECT_EQ(fetched[0], 10u);
  EXPECT_EQ(fetched[1], 20u);
  EXPECT_EQ(fetched[2], 40u);
  EXPECT_EQ(fetched[3], 40u);
}

TEST(ReadAheadPolicyTest, JumpsFetchNothing) {
  ReadAheadPolicy policy(SmallWindows());
  for (const uint64_t offset : {500, 100, 900, 300}) {
    EXPECT_FALSE(policy.OnRead(kFile, offset, 5).fetch) << offset;
  }
}

TEST(ReadAheadPolicyTest, JumpEndsAWindow) {
  ReadAheadPolicy policy(SmallWindows());
  ASSERT_TRUE(policy.OnRead(kFile, 0, 5).fetch);
  const auto advice = policy.OnRead(kFile, 1000, 5);
  EXPECT_TRUE(advice.jumped);
  EXPECT_FALSE(advice.fetch);
  // There was nothing to give up this time.
  EXPECT_FALSE(policy.OnRead(kFile, 500, 5).jumped);
  // It starts small again.
  const auto on = policy.OnRead(kFile, 505, 5);
  ASSERT_TRUE(on.fetch);
  EXPECT_EQ(on.fetch->offset, 510u);
  EXPECT_EQ(on.fetch->length, 10u);
}

TEST(ReadAheadPolicyTest, RequestsMayArriveInAnyOrder) {
  ReadAheadPolicy policy(SmallWindows());
  ASSERT_TRUE(policy.OnRead(kFile, 0, 4).fetch);
  for (const uint64_t offset : {8, 4, 12}) {
    EXPECT_FALSE(policy.OnRead(kFile, offset, 4).jumped) << offset;
  }
}

TEST(ReadAheadPolicyTest, SkippingThroughDoesNotEarnMore) {
  ReadAheadPolicy policy(SmallWindows());
  ASSERT_TRUE(policy.OnRead(kFile, 0, 4).fetch);
  // Up to the window's end, but only a part of what was fetched.
  EXPECT_FALSE(policy.OnRead(kFile, 8, 1).fetch);
  EXPECT_FALSE(policy.OnRead(kFile, 13, 1).fetch);
  EXPECT_FALSE(policy.OnRead(kFile, 18, 1).fetch);
}

TEST(ReadAheadPolicyTest, ObjectsNeedEvidence) {
  ReadAheadPolicy::Options options = SmallWindows();
  options.comes_along = 10;
  options.starts_at_zero = false;
  ReadAheadPolicy policy(options);
  EXPECT_FALSE(policy.OnRead(kFile, 0, 4).fetch);
  // Found in memory elsewhere: not a jump.
  EXPECT_FALSE(policy.OnRead(kFile, 300, 4, /*missed=*/false).jumped);
  EXPECT_FALSE(policy.OnRead(kFile, 4, 4).fetch);
  const auto advice = policy.OnRead(kFile, 8, 4);
  ASSERT_TRUE(advice.fetch);
  // Behind what came along with the first.
  EXPECT_EQ(advice.fetch->offset, 14u);
  EXPECT_EQ(advice.fetch->offset + advice.fetch->length, 12u + 20u);
}

TEST(ReadAheadPolicyTest, FilesAreIndependent) {
  ReadAheadPolicy policy(SmallWindows());
  EXPECT_TRUE(policy.OnRead(1, 0, 5).fetch);
  EXPECT_TRUE(policy.OnRead(2, 0, 5).fetch);
  EXPECT_FALSE(policy.OnRead(1, 5, 1).jumped);
}

}  // namespace
}  // namespace driveroot
