// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/progress_bar.h"

#include "gtest/gtest.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FormatTest, BytesAndDurations) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(999), "999 bytes");
  EXPECT_EQ(FormatBytes(1'500), "1.5 kB");
  EXPECT_EQ(FormatBytes(123'400'000), "123 MB");
  EXPECT_EQ(FormatDuration(seconds(59)), "59 s");
  EXPECT_EQ(FormatDuration(seconds(123)), "2:03");
  EXPECT_EQ(FormatDuration(seconds(3723)), "1:02:03");
}

TEST(ProgressLineTest, ShowsRateAndTimeLeft) {
  EXPECT_EQ(
      ProgressLine("reading", 25'000'000, 100'000'000, milliseconds(5000), 200),
      "reading: [######..................] 25 % 25.0 MB of 100 MB, "
      "5.0 MB/s, 15 s left");
}

TEST(ProgressLineTest, WithoutATotalThereIsNoBar) {
  EXPECT_EQ(ProgressLine("reading", 2'000'000, 0, milliseconds(2000), 200),
            "reading: 2.0 MB, 1.0 MB/s");
}

TEST(ProgressLineTest, FitsTheTerminal) {
  EXPECT_EQ(ProgressLine("reading", 1, 2, milliseconds(5000), 10).size(), 10U);
}

}  // namespace
}  // namespace driveroot
