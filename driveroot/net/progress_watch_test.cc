// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/progress_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "driveroot/net/fake_clock.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

constexpr ProgressLimits kLimits{
    .enough = 1024, .least = 128, .window = seconds(40)};

// The second in which a transfer is given up that carries so many bytes in
// each, beside others; nothing within ten minutes: never.
std::optional<int> GivenUpAfter(uint64_t rate, uint64_t others_rate = 0,
                                uint64_t others = 0) {
  FakeClock clock;
  ProgressWatch watch(kLimits);
  uint64_t bytes = 0;
  uint64_t all_bytes = 1'000'000'000;
  for (int second = 0; second <= 600; ++second) {
    if (watch.Note(clock.Now(), bytes, all_bytes, others + 1)) return second;
    clock.Advance(seconds(1));
    bytes += rate;
    all_bytes += rate + others_rate * others;
  }
  return std::nullopt;
}

TEST(ProgressWatchTest, ADripIsNoProgress) {
  for (const uint64_t rate : {0, 1, 20, 100, 1023}) {
    EXPECT_EQ(GivenUpAfter(rate), 40) << rate;
  }
  EXPECT_EQ(GivenUpAfter(1024), std::nullopt);
  EXPECT_EQ(GivenUpAfter(10'000'000), std::nullopt);
}

TEST(ProgressWatchTest, ASlowLinkIsShared) {
  // 64 kbit/s, of which each has its part.
  EXPECT_EQ(GivenUpAfter(200, 200, 39), std::nullopt);
  EXPECT_EQ(GivenUpAfter(100, 100, 79), 40);
  // The others get on well, this one does not.
  EXPECT_EQ(GivenUpAfter(20, 1'000'000, 5), 40);
  EXPECT_EQ(GivenUpAfter(1000, 1'000'000, 5), 40);
  EXPECT_EQ(GivenUpAfter(1024, 1'000'000, 5), std::nullopt);
  // However many drip.
  EXPECT_EQ(GivenUpAfter(20, 20, 100), 40);
}

TEST(ProgressWatchTest, ItCountsFromWhenItGotOnLast) {
  FakeClock clock;
  ProgressWatch watch(kLimits);
  EXPECT_FALSE(watch.Note(clock.Now(), 0, 0, 1));
  clock.Advance(seconds(40));
  EXPECT_FALSE(watch.Note(clock.Now(), 1'000'000, 1'000'000, 1));
  clock.Advance(seconds(39));
  EXPECT_FALSE(watch.Note(clock.Now(), 1'000'020, 1'000'020, 1));
  clock.Advance(seconds(3));
  const auto slow = watch.Note(clock.Now(), 1'000'021, 1'000'021, 1);
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->bytes, 21u);
  EXPECT_EQ(slow->time, seconds(42));
}

}  // namespace
}  // namespace driveroot
