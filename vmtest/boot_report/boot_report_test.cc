// SPDX-License-Identifier: Apache-2.0
#include "vmtest/boot_report/boot_report.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "vmtest/boot_report/timeline.h"

namespace driveroot::vmtest {
namespace {

using std::chrono::milliseconds;
using std::chrono::sys_days;

WallTime PowerOn() {
  return sys_days{std::chrono::year{2026} / 1 / 31} + std::chrono::hours(12);
}

constexpr char kLog[] =
    R"({"time":"2026-01-31T11:59:59.000Z","class":"media","status":206,"ms":5}
{"time":"2026-01-31T12:00:03.250Z","class":"media","path":"/files/b",)"
    R"("status":206,"bytes_in":0,"bytes_out":4096,"ms":500}
{"time":"2026-01-31T12:00:03.000Z","class":"create","path":"/files",)"
    R"("status":200,"bytes_in":77,"bytes_out":10,"ms":1000}
{"time":"2026-01-31T12:00:59.000Z","class":"media","status":206,"ms":5}
)";

TEST(TimelineTest, TheLogGivesTheRequestsOfTheBootByTheirBegin) {
  const Result<std::vector<TimelineRequest>> requests =
      ParseRequestLog(kLog, PowerOn(), 10);
  ASSERT_TRUE(requests) << requests.error();
  ASSERT_EQ(requests->size(), 2U);
  EXPECT_EQ((*requests)[0].call, "create");
  EXPECT_EQ((*requests)[0].bytes_up, 77U);
  EXPECT_DOUBLE_EQ((*requests)[1].begin, 3.25);
  EXPECT_DOUBLE_EQ((*requests)[1].end, 3.75);
  EXPECT_EQ((*requests)[1].path, "/files/b");
  EXPECT_EQ((*requests)[1].bytes_down, 4096U);
}

TEST(TimelineTest, WhatIsNoLogIsRefused) {
  for (const char* log : {"nothing\n", "{}\n", R"({"time":"yesterday"})"}) {
    const auto requests = ParseRequestLog(log, PowerOn(), 10);
    ASSERT_FALSE(requests) << log;
    EXPECT_EQ(requests.error().code(), ErrorCode::kDataLoss);
  }
}

TEST(TimelineTest, OverlappingReadsCountOnce) {
  Timeline timeline;
  timeline.phases = {{.name = "all", .begin = 0, .end = 10}};
  timeline.requests = {{.begin = 1, .end = 3, .call = "media"},
                       {.begin = 1.5, .end = 2, .call = "media"},
                       {.begin = 2, .end = 4, .call = "media"},
                       {.begin = 5, .end = 9, .call = "create"},
                       {.begin = 9, .end = 12, .call = "media"}};
  EXPECT_DOUBLE_EQ(timeline.SecondsReading(), 4);
}

TEST(TimelineTest, EscapesAreLeftOut) {
  EXPECT_EQ(WithoutEscapes("[\x1b[0;32m  OK  \x1b[0m] Started\r"),
            "[  OK  ] Started");
  EXPECT_EQ(WithoutEscapes("\x1b"
                           "cclear\x1b["),
            "clear");
}

TEST(BootReportTest, HoldsWhatHappenedAndNoMarkupOfTheGuest) {
  Timeline timeline;
  timeline.title = "first boot";
  timeline.phases = {{.name = "firmware", .begin = 0, .end = 4},
                     {.name = "system", .begin = 4, .end = 10}};
  timeline.console = {{.at = 2, .text = "<script>alert(1)</script>"}};
  timeline.requests = {{.begin = 5,
                        .end = 6,
                        .call = "media",
                        .path = "/files/x?alt=media",
                        .status = 206,
                        .bytes_down = 2'500'000}};
  const std::string html = RenderBootReport(timeline);
  EXPECT_NE(html.find("10.0 s from power-on"), std::string::npos);
  EXPECT_NE(html.find("1 requests, 2.5 MB down"), std::string::npos);
  EXPECT_NE(html.find("firmware 4.0 s"), std::string::npos);
  EXPECT_NE(html.find("/files/x?alt=media"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace driveroot::vmtest
