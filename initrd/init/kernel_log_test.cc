// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/kernel_log.h"

#include <gtest/gtest.h>

#include <optional>

namespace driveroot {
namespace {

TEST(ParseProcessRecordTest, TakesTheTextOfAProcess) {
  EXPECT_EQ(ParseProcessRecord("12,345,678,-;no such volume; really\n SUB=x\n"),
            "no such volume; really");
  EXPECT_EQ(ParseProcessRecord("8,1,2,-;text"), "text");
}

TEST(ParseProcessRecordTest, SkipsTheKernelTheConsoleAndNonsense) {
  EXPECT_EQ(ParseProcessRecord("30,345,678,-;driveroot: starting\n"),
            std::nullopt);
  EXPECT_EQ(ParseProcessRecord("6,345,678,-;eth0: up\n"), std::nullopt);
  EXPECT_EQ(ParseProcessRecord(""), std::nullopt);
  EXPECT_EQ(ParseProcessRecord("12,345"), std::nullopt);
  EXPECT_EQ(ParseProcessRecord(";12"), std::nullopt);
  EXPECT_EQ(ParseProcessRecord("x;12"), std::nullopt);
}

}  // namespace
}  // namespace driveroot
