// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/round_trips.h"

#include "gtest/gtest.h"

namespace driveroot::bench {
namespace {

TEST(RoundTripsTest, WhatIsAtTheSameTimeCountsOnce) {
  EXPECT_EQ(CountRoundTrips({}), 0U);
  EXPECT_EQ(CountRoundTrips({{0.0, 0.2}, {0.0, 0.3}, {0.1, 0.2}}), 1U);
}

TEST(RoundTripsTest, EachThatBeginsAfterAnotherCounts) {
  EXPECT_EQ(CountRoundTrips({{0.0, 0.2}, {0.2, 0.4}, {0.5, 0.6}}), 3U);
}

TEST(RoundTripsTest, OneThatSpansOthersHidesNone) {
  EXPECT_EQ(CountRoundTrips({{0.0, 1.0}, {0.1, 0.2}, {0.3, 0.4}}), 2U);
}

}  // namespace
}  // namespace driveroot::bench
