// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/pacer.h"

#include <gtest/gtest.h>

#include <chrono>

#include "driveroot/net/clock.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::TimePoint kStart{std::chrono::hours(1)};

TEST(Pacer, HoldsNothingBackAtFirst) {
  Pacer pacer;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(pacer.Take(kStart), milliseconds(0));
  }
}

TEST(Pacer, KeepsALeastInterval) {
  Pacer pacer(milliseconds(350));
  EXPECT_EQ(pacer.Take(kStart), milliseconds(0));
  EXPECT_EQ(pacer.Take(kStart), milliseconds(350));
  pacer.SlowDown(kStart + seconds(1));
  const Clock::TimePoint later = kStart + seconds(100);
  pacer.Take(later);
  EXPECT_EQ(pacer.Take(later), milliseconds(350));
}

TEST(Pacer, KeepsThreeASecondAfterARateLimit) {
  Pacer pacer;
  pacer.SlowDown(kStart);
  EXPECT_EQ(pacer.Take(kStart), milliseconds(0));
  EXPECT_EQ(pacer.Take(kStart), milliseconds(334));
  EXPECT_EQ(pacer.Take(kStart), milliseconds(668));
  // A slot that passed unused is lost, not saved up.
  EXPECT_EQ(pacer.Take(kStart + seconds(20)), milliseconds(0));
  EXPECT_EQ(pacer.Take(kStart + seconds(20)), milliseconds(334));
}

TEST(Pacer, RefusalsOfOneMomentCountOnce) {
  Pacer pacer;
  for (int i = 0; i < 10; ++i) pacer.SlowDown(kStart);
  pacer.Take(kStart);
  EXPECT_EQ(pacer.Take(kStart), milliseconds(334));
}

TEST(Pacer, SlowsDownFurtherButNotForEver) {
  Pacer pacer;
  Clock::TimePoint now = kStart;
  for (int i = 0; i < 20; ++i) pacer.SlowDown(now += seconds(2));
  now += seconds(20);
  pacer.Take(now);
  EXPECT_EQ(pacer.Take(now), milliseconds(4000));
}

TEST(Pacer, RecoversInQuietTimes) {
  Pacer pacer;
  pacer.SlowDown(kStart);
  const Clock::TimePoint later = kStart + seconds(31);
  pacer.Take(later);
  EXPECT_EQ(pacer.Take(later), milliseconds(167));
  const Clock::TimePoint much_later = kStart + seconds(91);
  pacer.Take(much_later);
  EXPECT_EQ(pacer.Take(much_later), milliseconds(0));
}

}  // namespace
}  // namespace driveroot
