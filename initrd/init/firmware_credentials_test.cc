// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/firmware_credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

const std::string kConfig =
    std::string("io.systemd.credential:driveroot.config={\"volume\":\"x\"}") +
    '\0';
const std::string kText =
    std::string("io.systemd.credential:driveroot.credentials={secret}") + '\0';
const std::string kBinary =
    std::string("io.systemd.credential.binary:driveroot.credentials=c2Vj") +
    '\0';

TEST(WithoutTokenTest, LeavesAllElseWhereItIs) {
  const std::string before = std::string("\x0b\x05\0\0\x03", 5) + kConfig;
  const std::string table = before + kText + kBinary + kConfig + '\0';
  const std::string covered = WithoutToken(table);
  EXPECT_EQ(covered, before + std::string(kText.size() - 1, '-') + '\0' +
                         std::string(kBinary.size() - 1, '-') + '\0' + kConfig +
                         '\0');
  EXPECT_EQ(WithoutToken(before), before);
  EXPECT_EQ(WithoutToken(""), "");
  // One that is cut off.
  EXPECT_EQ(WithoutToken(kText.substr(0, kText.size() - 1)),
            std::string(kText.size() - 1, '-'));
}

TEST(CoverTokenTest, DoesNothingWhereThereIsNone) {
  const std::string sys = testing::TempDir() + "sys";
  std::filesystem::create_directories(sys + "/firmware/dmi/tables");
  ASSERT_TRUE(ReplaceFile(sys + "/firmware/dmi/tables/DMI", kConfig, 0400));
  const std::string folder = testing::TempDir() + "covered";
  EXPECT_TRUE(CoverToken(sys, folder));
  EXPECT_TRUE(CoverToken(testing::TempDir() + "none", folder));
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace driveroot
