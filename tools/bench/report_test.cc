// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.h"

#include <string>

#include "gtest/gtest.h"
#include "rapidjson/document.h"

namespace driveroot::bench {
namespace {

Measurements Example() {
  Measurements results;
  results.link = FindLink("reference").value();
  results.tree_bytes = 200'000'000;
  results.transfers = {{.name = "push",
                        .seconds = 5,
                        .traffic = {.requests = {{"create", 3}, {"token", 1}},
                                    .bytes_up = 50'000'000},
                        .link_share = 0.8}};
  results.reads = {
      {.name = "mount", .seconds = 1, .round_trips = 4},
      {.name = "random 4 KiB reads",
       .unit = "reads",
       .operations = 10,
       .bytes = 40960,
       .seconds = 2.5,
       .traffic = {.requests = {{"media", 10}}, .bytes_down = 9'000'000}}};
  results.rclone = {
      .copy = {.name = "copy", .traffic = {.requests = {{"create", 600}}}},
      .sample = {.name = "sample", .seconds = 10},
      .extrapolated_seconds = 3000,
      .reads = {{.name = "mount", .seconds = 2}}};
  results.accelerator = "KVM";
  results.boots = {
      {.name = "boot from the Drive",
       .phases = {{"kernel", 2}, {"system", 4}},
       .to_power_off = {.requests = {{"media", 9}}, .bytes_down = 10'000'000},
       .useful_bytes = 8'000'000},
      {.name = "boot from the disk", .phases = {{"kernel", 5}}},
      {.name = "another from the Drive", .phases = {{"kernel", 10}}}};
  return results;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ReportTest, TableHasSharesAndWhatOneOperationTook) {
  const std::string table = FormatTable(Example());
  EXPECT_TRUE(Contains(table,
                       "5.00 s, 80.0 % of the link\n"
                       "    4 requests, 0.0 MB down, 50.0 MB up "
                       "(3 create, 1 token)\n"))
      << table;
  EXPECT_TRUE(Contains(table, "1.00 s, 4 round trips\n")) << table;
  EXPECT_TRUE(Contains(table, "; 10 reads, 250.00 ms and 1.00 requests each"))
      << table;
}

TEST(ReportTest, TableComparesWithRclone) {
  const std::string table = FormatTable(Example());
  EXPECT_TRUE(Contains(table, "to the whole tree: 3000 s\n")) << table;
}

TEST(ReportTest, TableComparesBoots) {
  const std::string table = FormatTable(Example());
  EXPECT_TRUE(Contains(table, "useful: 8.0 of 10.0 MB (80 %)")) << table;
  EXPECT_TRUE(
      Contains(table, "boot from the Drive / boot from the disk: 1.20\n"))
      << table;
  EXPECT_TRUE(
      Contains(table, "another from the Drive / boot from the disk: 2.00\n"))
      << table;
}

TEST(ReportTest, TableSaysWhichGoalsAreMissed) {
  const std::string table = FormatTable(Example());
  EXPECT_TRUE(Contains(table, "0.80, at least 0.90: MISSED\n")) << table;
  EXPECT_TRUE(Contains(table, "200.00, at least 100.00: met\n")) << table;
}

TEST(ReportTest, JsonHasAll) {
  const std::string json = FormatJson(Example());
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  ASSERT_TRUE(document.IsObject()) << json;
  EXPECT_EQ(document["link"]["bandwidth_mbit"].GetUint64(), 100U);
  EXPECT_EQ(document["tree_bytes"].GetUint64(), 200'000'000U);
  const rapidjson::Value& push = document["transfers"][0];
  EXPECT_DOUBLE_EQ(push["link_share"].GetDouble(), 0.8);
  EXPECT_EQ(push["traffic"]["requests"]["create"].GetUint64(), 3U);
  EXPECT_FALSE(push.HasMember("operations"));
  const rapidjson::Value& reads = document["reads"];
  EXPECT_EQ(reads[0]["round_trips"].GetUint64(), 4U);
  EXPECT_EQ(reads[1]["operations"].GetUint64(), 10U);
  EXPECT_FALSE(reads[1].HasMember("link_share"));
  const rapidjson::Value& rclone = document["rclone"];
  EXPECT_DOUBLE_EQ(rclone["creates_ratio"].GetDouble(), 200);
  EXPECT_DOUBLE_EQ(rclone["extrapolated_seconds"].GetDouble(), 3000);
  EXPECT_EQ(rclone["reads"][0]["name"], "mount");
  const rapidjson::Value& boot = document["boots"][0];
  EXPECT_DOUBLE_EQ(boot["seconds_to_login"].GetDouble(), 6);
  EXPECT_DOUBLE_EQ(boot["useful_share"].GetDouble(), 0.8);
  const rapidjson::Value& goal = document["goals"][0];
  EXPECT_EQ(goal["name"], "push: share of the link");
  EXPECT_FALSE(goal["met"].GetBool());
}

}  // namespace
}  // namespace driveroot::bench
