// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/history_point_text.h"

#include <gtest/gtest.h>

#include <variant>

namespace driveroot {
namespace {

constexpr TimeNs kSecond = 1'000'000'000;
constexpr TimeNs kNow = 1'800'000'000 * kSecond;

TimeNs TimeOf(std::string_view text) {
  const Result<HistoryPoint> point = ParseHistoryPoint(text, kNow);
  EXPECT_TRUE(point) << text;
  const auto* time = point ? std::get_if<AtTime>(&*point) : nullptr;
  return time == nullptr ? 0 : time->time;
}

TEST(HistoryPointTextTest, NumbersAreRecords) {
  const Result<HistoryPoint> point = ParseHistoryPoint("1234", kNow);
  ASSERT_TRUE(point);
  ASSERT_TRUE(std::holds_alternative<AtRecord>(*point));
  EXPECT_EQ(std::get<AtRecord>(*point).sequence, 1234u);
}

TEST(HistoryPointTextTest, Ages) {
  EXPECT_EQ(TimeOf("1s"), kNow - kSecond);
  EXPECT_EQ(TimeOf("90m"), kNow - 5400 * kSecond);
  EXPECT_EQ(TimeOf("2h"), kNow - 7200 * kSecond);
  EXPECT_EQ(TimeOf("3d"), kNow - 3 * 86400 * kSecond);
}

TEST(HistoryPointTextTest, DatesReachToTheEndOfTheirSecond) {
  constexpr TimeNs kEnd = 1'700'000'000 * kSecond + kSecond - 1;
  EXPECT_EQ(TimeOf("2023-11-14T22:13:20Z"), kEnd);
  EXPECT_EQ(TimeOf("2023-11-14 22:13:20Z"), kEnd);
  EXPECT_EQ(TimeOf("2023-11-14T22:13Z"), kEnd - 20 * kSecond);
  EXPECT_EQ(FormatTime(kEnd), "2023-11-14T22:13:20Z");
}

TEST(HistoryPointTextTest, NonsenseIsRefused) {
  for (const char* text :
       {"", "-", "-1", "1w", "h", "-1h", "yesterday", "2023-11-14T22:13:20X",
        "12 34", "99999999999999d", "99999999999999999999"}) {
    const Result<HistoryPoint> point = ParseHistoryPoint(text, kNow);
    ASSERT_FALSE(point) << text;
    EXPECT_EQ(point.error().code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_NE(point.error().message().find("90m"), std::string::npos);
  }
}

}  // namespace
}  // namespace driveroot
