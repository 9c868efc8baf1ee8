// SPDX-License-Identifier: Apache-2.0
#include "initrd/probe/report.h"

#include "gtest/gtest.h"

namespace driveroot {
namespace {

constexpr int64_t kFloor = 1'000'000;

ProbeReport Reached(int64_t date) {
  return {.date = date, .valid_from = 1'500'000, .valid_until = 2'000'000};
}

TEST(MendedTimeTest, TheStoresWordMendsAClockThatIsBehindOrAhead) {
  EXPECT_EQ(MendedTime(kFloor, kFloor, Reached(1'600'000)), 1'600'000);
  EXPECT_EQ(MendedTime(9'000'000, kFloor, Reached(1'600'000)), 1'600'000);
  EXPECT_EQ(MendedTime(0, kFloor, Reached(1'600'000)), 1'600'000);
}

TEST(MendedTimeTest, AClockThatIsAboutRightIsLeftAlone) {
  EXPECT_EQ(MendedTime(1'600'060, kFloor, Reached(1'600'000)), std::nullopt);
  EXPECT_EQ(MendedTime(1'599'940, kFloor, Reached(1'600'000)), std::nullopt);
  EXPECT_EQ(MendedTime(1'600'061, kFloor, Reached(1'600'000)), 1'600'000);
  EXPECT_EQ(MendedTime(1'599'939, kFloor, Reached(1'600'000)), 1'600'000);
}

TEST(MendedTimeTest, AWordThatTheCertificateContradictsDoesNotCount) {
  EXPECT_EQ(MendedTime(kFloor, kFloor, Reached(1'499'999)), std::nullopt);
  EXPECT_EQ(MendedTime(kFloor, kFloor, Reached(2'000'001)), std::nullopt);
  // An old certificate does not bring the clock before the image's day.
  const ProbeReport old = {
      .date = 500'000, .valid_from = 0, .valid_until = 900'000};
  EXPECT_EQ(MendedTime(kFloor, kFloor, old), std::nullopt);
  EXPECT_EQ(MendedTime(1'600'000, kFloor, old), std::nullopt);
}

TEST(MendedTimeTest, WithoutAWordACertificateOfTheFutureRaisesTheClock) {
  EXPECT_EQ(MendedTime(kFloor, kFloor, Reached(0)), 1'500'000);
  EXPECT_EQ(MendedTime(1'600'000, kFloor, Reached(0)), std::nullopt);
  // That it is over already says nothing of how late it is.
  EXPECT_EQ(MendedTime(2'500'000, kFloor, Reached(0)), std::nullopt);
}

TEST(MendedTimeTest, WhoWasNotReachedHasNoSay) {
  ProbeReport report = Reached(1'600'000);
  report.error = "the certificate is of somebody else";
  EXPECT_EQ(MendedTime(kFloor, kFloor, report), std::nullopt);
}

TEST(ProbeReportTest, ComesBackAsItWas) {
  ProbeReport report = Reached(-5);
  EXPECT_EQ(ParseReport(FormatReport(report)).value(), report);
  report.error = "cannot resolve a=b";
  EXPECT_EQ(ParseReport(FormatReport(report)).value(), report);
}

TEST(ProbeReportTest, RefusesWhatIsNoReport) {
  EXPECT_FALSE(ParseReport(""));
  EXPECT_FALSE(ParseReport("error=\n"));
  EXPECT_FALSE(ParseReport("error=\ndate=x\nvalid_from=1\nvalid_until=2\n"));
  EXPECT_FALSE(ParseReport("error=\ndate=1\nvalid_from=1\nfoo=2\n"));
  EXPECT_FALSE(ParseReport("error=\ndate=1\nvalid_from=1\nvalid_until=2"));
}

}  // namespace
}  // namespace driveroot
