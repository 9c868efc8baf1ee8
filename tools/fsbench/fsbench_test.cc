// SPDX-License-Identifier: Apache-2.0
//
// fsbench itself, on a local folder: that every measurement can be done, and
// again, and leaves nothing behind; and what a report says.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "rapidjson/document.h"
#include "tools/fsbench/measurement.h"
#include "tools/fsbench/report.h"

namespace driveroot::fsbench {
namespace {

TEST(MeasurementTest, CanBeRepeatedAndLeavesNothing) {
  const std::string folder = testing::TempDir() + "/fsbench_test";
  std::filesystem::create_directories(folder);
  const std::vector<Measurement> measurements =
      MakeMeasurements(folder, {.small_files = 3,
                                .small_bytes = 10,
                                .file_bytes = 300'000,
                                .random_operations = 5,
                                .syncs = 1,
                                .tree = ""});
  EXPECT_GE(measurements.size(), 12u);
  for (int round = 0; round < 2; ++round) {
    for (const Measurement& measurement : measurements) {
      if (measurement.prepare != nullptr) {
        const Status prepared = measurement.prepare();
        ASSERT_TRUE(prepared) << measurement.name << prepared.error();
      }
      const Result<uint64_t> count = measurement.run();
      ASSERT_TRUE(count) << measurement.name << count.error();
      EXPECT_GT(*count, 0u) << measurement.name;
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(ReportTest, TheMedianLiesInTheMiddle) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({7, 1, 3}), 3);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
}

TEST(ReportTest, RatiosAreToTheFirstDirectory) {
  const Report report = {
      .directories = {"/a", "/b"},
      .rows = {{.name = "create", .unit = "files", .rates = {{100}, {50}}}}};
  const std::string table = Table(report);
  EXPECT_NE(table.find("50 files/s (0.50)"), std::string::npos) << table;
  rapidjson::Document json;
  json.Parse(Json(report).c_str());
  ASSERT_TRUE(json.IsArray());
  ASSERT_EQ(json.Size(), 2u);
  EXPECT_STREQ(json[1]["directory"].GetString(), "/b");
  EXPECT_EQ(json[1]["median"].GetDouble(), 50);
}

}  // namespace
}  // namespace driveroot::fsbench
