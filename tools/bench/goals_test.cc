// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/goals.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "tools/bench/file_reads.h"

namespace driveroot::bench {
namespace {

std::map<std::string, Goal> Check(const Measurements& results) {
  std::map<std::string, Goal> by_name;
  for (const Goal& goal : CheckGoals(results)) by_name[goal.name] = goal;
  return by_name;
}

TEST(GoalsTest, OnlyOfWhatWasMeasured) {
  EXPECT_TRUE(CheckGoals({}).empty());
  Measurements results;
  results.transfers = {{.name = "push", .seconds = 1}};
  EXPECT_EQ(CheckGoals(results).size(), 1U);  // no share without a limit
}

TEST(GoalsTest, PushMayTakeARequestForEach16MiBAndTwelve) {
  Measurements results;
  results.transfers = {{.name = "push",
                        .traffic = {.requests = {{"create", 4}, {"media", 9}},
                                    .bytes_up = 16 << 20},
                        .link_share = 0.91}};
  EXPECT_TRUE(Check(results)["push: requests"].Met());
  EXPECT_TRUE(Check(results)["push: share of the link"].Met());
  results.transfers[0].traffic.requests["get"] = 1;
  results.transfers[0].link_share = 0.89;
  EXPECT_FALSE(Check(results)["push: requests"].Met());
  EXPECT_FALSE(Check(results)["push: share of the link"].Met());
  results.transfers[0].name = "push of much";
  EXPECT_FALSE(Check(results)["push of much: requests"].Met());
}

TEST(GoalsTest, NamesCostNothingAndARandomReadOneRequest) {
  Measurements results;
  results.reads = {{.name = kWalkName, .traffic = {.requests = {{"media", 1}}}},
                   {.name = kMissingName},
                   {.name = kRandomName,
                    .operations = 4,
                    .traffic = {.requests = {{"media", 4}}}}};
  std::map<std::string, Goal> goals = Check(results);
  EXPECT_FALSE(goals[std::string(kWalkName) + ": requests"].Met());
  EXPECT_TRUE(goals[std::string(kMissingName) + ": requests"].Met());
  EXPECT_TRUE(goals["random read: requests"].Met());
  EXPECT_DOUBLE_EQ(goals["random read: requests"].measured, 1);
}

TEST(GoalsTest, MountTakesFourRoundTrips) {
  Measurements results;
  results.reads = {{.name = kMountName, .round_trips = 4}};
  EXPECT_TRUE(Check(results)["mount: round trips"].Met());
  results.reads[0].round_trips = 5;
  EXPECT_FALSE(Check(results)["mount: round trips"].Met());
}

TEST(GoalsTest, BootsAreComparedByTheSecondPair) {
  const Boot slow = {.name = "first", .phases = {{"all", 100}}};
  const Boot drive = {
      .name = "drive",
      .phases = {{"all", 11}},
      .to_login = {.requests = {{"media", 9}}, .bytes_down = 10 << 20},
      .to_power_off = {.requests = {{"media", 12}}, .bytes_down = 12 << 20},
      .useful_bytes = 8 << 20};
  const Boot disk = {.name = "disk", .phases = {{"all", 10}}};
  Measurements results;
  results.boots = {slow, disk, drive, disk};
  std::map<std::string, Goal> goals = Check(results);
  EXPECT_DOUBLE_EQ(
      goals["second boot: seconds over those from the disk"].measured, 1.1);
  EXPECT_DOUBLE_EQ(goals["second boot: requests to login"].limit, 9);
  EXPECT_TRUE(goals["second boot: requests to login"].Met());
  EXPECT_FALSE(goals["second boot: useful share"].Met());
}

}  // namespace
}  // namespace driveroot::bench
