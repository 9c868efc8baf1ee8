// SPDX-License-Identifier: Apache-2.0
//
// Looks at what the kernel's own configuration made of test fragments: the
// attempts are build actions (see BUILD.bazel), their logs are this test's
// data.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot::kernelcfg {
namespace {

constexpr uint64_t kMaxLogBytes = 1 << 20;

std::string ReadLog(std::string_view attempt) {
  const Result<std::string> log =
      ReadFile("kernelcfg/" + std::string(attempt) + ".log", kMaxLogBytes);
  EXPECT_TRUE(log) << log.error();
  return log.value_or("");
}

TEST(ConfigTest, FragmentsWhoseOptionsSurviveAreAccepted) {
  EXPECT_TRUE(ReadLog("attempt_survives").starts_with("exit code 0\n"))
      << ReadLog("attempt_survives");
}

TEST(ConfigTest, ADroppedOptionFailsTheBuildAndIsNamed) {
  const std::string log = ReadLog("attempt_dropped");
  EXPECT_TRUE(log.starts_with("exit code 1\n")) << log;
  EXPECT_TRUE(
      log.contains("kernelcfg/testdata/dropped.config:4: wanted "
                   "CONFIG_DMIID=y, got nothing"))
      << log;
  EXPECT_FALSE(log.contains("CONFIG_PRINTK")) << log;
}

TEST(ConfigTest, FragmentsThatDisagreeFailTheBuildAndAreNamed) {
  const std::string log = ReadLog("attempt_disagrees");
  EXPECT_TRUE(log.starts_with("exit code 1\n")) << log;
  EXPECT_TRUE(log.contains(
      "CONFIG_PRINTK: kernelcfg/testdata/survives.config:3 sets it to y, "
      "kernelcfg/testdata/disagrees.config:3 sets it to n"))
      << log;
}

}  // namespace
}  // namespace driveroot::kernelcfg
