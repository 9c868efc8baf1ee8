// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/top_view.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "driveroot/cli/status_report.h"

namespace driveroot {
namespace {

std::string Json(uint64_t requests, uint64_t bytes, uint64_t hits) {
  VolumeStatus status;
  status.inodes = 5102;
  status.fetches = requests;
  status.bytes_fetched = bytes;
  status.cache_hits = hits;
  status.cache_misses = requests;
  NetCounters network;
  network.requests = requests;
  network.bytes_down = bytes;
  network.calls["files.download"] = {.method = "GET",
                                     .requests = requests,
                                     .failures = 0,
                                     .bytes_up = 0,
                                     .bytes_down = bytes,
                                     .milliseconds = 230 * requests};
  network.recent.push_back({.call = "files.download",
                            .started = 7,
                            .milliseconds = 230,
                            .status = 206,
                            .bytes_up = 0,
                            .bytes_down = bytes});
  const std::pair<std::string_view, uint64_t> kernel_requests[] = {
      {"lookup", 2 * requests}, {"read", 3 * requests}, {"statfs", 7}};
  return StatusJson("drive:root", status, network, kernel_requests);
}

TEST(TopViewTest, ShowsTheRatesBetweenTwoLooks) {
  const auto text = TopText(Json(10, 1'000'000, 0), Json(30, 21'000'000, 60),
                            std::chrono::seconds(2));
  ASSERT_TRUE(text) << text.error();
  for (const char* part :
       {"drive:root  read-write  5102 inodes", "10.0 requests/s", "10.0 MB/s",
        "75 % hits", "files.download", "230",
        "50.0 requests/s  read 60 lookup 40\n"}) {
    EXPECT_NE(text->find(part), std::string::npos) << part << "\n" << *text;
  }
}

TEST(TopViewTest, AFreshDaemonHasNothingToDivideBy) {
  const std::string nothing =
      StatusJson("dir:/v", VolumeStatus(), std::nullopt);
  const auto text = TopText(nothing, nothing, std::chrono::milliseconds(0));
  ASSERT_TRUE(text) << text.error();
  EXPECT_NE(text->find("0.0 requests/s"), std::string::npos) << *text;
}

TEST(TopViewTest, NonsenseIsRefused) {
  EXPECT_FALSE(TopText("{}", "[", std::chrono::seconds(1)));
}

TEST(StatusReportTest, TimelineIsForProgramsOnly) {
  const std::string json = Json(1, 5, 0);
  EXPECT_NE(json.find("\"recent\":[{\"call\":\"files.download\""),
            std::string::npos);
  const auto text = StatusText(json);
  ASSERT_TRUE(text) << text.error();
  EXPECT_EQ(text->find("recent"), std::string::npos);
}

}  // namespace
}  // namespace driveroot
