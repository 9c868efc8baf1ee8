// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/daemon_status.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot {
namespace {

DaemonStatus Parse(const std::string& line) {
  const Result<DaemonStatus> status = ParseDaemonStatus(line);
  EXPECT_TRUE(status) << line;
  return status.value_or(MountFailed{.message = "not parsed"});
}

TEST(ParseDaemonStatusTest, ReadsEveryKind) {
  EXPECT_EQ(Parse(R"({"progress":"reading"})"),
            DaemonStatus(MountProgress{.text = "reading"}));
  EXPECT_EQ(
      Parse(R"({"progress":"reading","done":1,"total":2})"),
      DaemonStatus(MountProgress{.text = "reading", .done = 1, .total = 2}));
  EXPECT_EQ(Parse(R"({"mounted":true})"), DaemonStatus(Mounted{}));
  EXPECT_EQ(Parse(R"({"error":"no such volume"})"),
            DaemonStatus(MountFailed{.message = "no such volume"}));
  EXPECT_EQ(Parse(R"({"error":"in use","busy":true})"),
            DaemonStatus(MountFailed{.message = "in use", .is_busy = true}));
}

TEST(ParseDaemonStatusTest, RefusesTheRest) {
  for (const char* line :
       {"", "x", "[]", "{}", R"({"mounted":false})", R"({"error":1})"}) {
    EXPECT_FALSE(ParseDaemonStatus(line)) << line;
  }
}

TEST(DescribeProgressTest, ShowsBytesWhenTheyAreKnown) {
  EXPECT_EQ(DescribeProgress({.text = "waiting"}), "waiting");
  EXPECT_EQ(
      DescribeProgress({.text = "reading", .done = 1572864, .total = 11534336}),
      "reading: 1.5 of 11.0 MiB");
}

}  // namespace
}  // namespace driveroot
