// SPDX-License-Identifier: Apache-2.0
#include "kernelcfg/config_tool/kernel_config.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::kernelcfg {
namespace {

std::vector<Assignment> Parse(std::string_view text,
                              std::string_view file = "test.config") {
  Result<std::vector<Assignment>> assignments = ParseConfig(text, file);
  EXPECT_TRUE(assignments) << assignments.error();
  return assignments.value_or(std::vector<Assignment>());
}

TEST(ParseConfigTest, ReadsEveryKindOfLine) {
  const std::vector<Assignment> assignments = Parse(
      "# A comment about CONFIG_FUSE_FS=y\n"
      "\n"
      "CONFIG_FUSE_FS=y\n"
      "# CONFIG_MODULES is not set\n"
      "CONFIG_LOCALVERSION=\"-a b=c\"\n"
      "CONFIG_PHYSICAL_START=0x1000000\n"
      "CONFIG_8139TOO=m");
  ASSERT_EQ(assignments.size(), 5U);
  EXPECT_EQ(assignments[0].option, "CONFIG_FUSE_FS");
  EXPECT_EQ(assignments[0].value, "y");
  EXPECT_EQ(assignments[0].place, "test.config:3");
  EXPECT_EQ(assignments[1].option, "CONFIG_MODULES");
  EXPECT_EQ(assignments[1].value, "n");
  EXPECT_EQ(assignments[2].value, "\"-a b=c\"");
  EXPECT_EQ(assignments[3].value, "0x1000000");
  EXPECT_EQ(assignments[4].value, "m");
  EXPECT_EQ(assignments[4].place, "test.config:7");
}

TEST(ParseConfigTest, RefusesWhatTheKernelWouldIgnore) {
  for (const std::string_view line :
       {"FUSE_FS=y", "CONFIG_FUSE_FS", "CONFIG_FUSE_FS = y", "CONFIG_FUSE-FS=y",
        "CONFIG_FUSE_FS=yes", "CONFIG_FUSE_FS=", "CONFIG_=y",
        "CONFIG_LOCALVERSION=\"", " CONFIG_FUSE_FS=y"}) {
    const Result<std::vector<Assignment>> assignments =
        ParseConfig(std::string("CONFIG_NET=y\n").append(line), "bad.config");
    ASSERT_FALSE(assignments) << line;
    EXPECT_EQ(assignments.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_TRUE(assignments.error().message().starts_with("bad.config:2: "))
        << assignments.error();
  }
}

TEST(JoinFragmentsTest, AcceptsTheSameRequestTwice) {
  const Result<std::vector<Assignment>> joined =
      JoinFragments({Parse("CONFIG_SCSI=y\nCONFIG_USB=y\n", "usb.config"),
                     Parse("CONFIG_SCSI=y\n", "storage.config")});
  ASSERT_TRUE(joined) << joined.error();
  ASSERT_EQ(joined->size(), 2U);
  EXPECT_EQ(joined->front().place, "usb.config:1");
}

TEST(JoinFragmentsTest, NamesBothPlacesOfEachConflict) {
  const Result<std::vector<Assignment>> joined = JoinFragments(
      {Parse("CONFIG_SCSI=y\nCONFIG_NR_CPUS=2\n", "one.config"),
       Parse("CONFIG_NR_CPUS=64\n# CONFIG_SCSI is not set\n", "two.config")});
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().message(),
            "kernel configuration fragments disagree; keep one of each:\n"
            "  CONFIG_NR_CPUS: one.config:2 sets it to 2, two.config:1 sets it "
            "to 64\n"
            "  CONFIG_SCSI: one.config:1 sets it to y, two.config:2 sets it to "
            "n\n");
}

TEST(JoinFragmentsTest, FindsAConflictWithinOneFragment) {
  EXPECT_FALSE(JoinFragments({Parse("CONFIG_NET=y\nCONFIG_NET=n\n")}));
}

TEST(OverlayTest, ReplacesAndAppends) {
  EXPECT_EQ(Overlay(Parse("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=3\n"),
                    Parse("CONFIG_B=y\nCONFIG_A=n\nCONFIG_D=\"x\"\n")),
            "CONFIG_C=3\nCONFIG_B=y\n# CONFIG_A is not set\nCONFIG_D=\"x\"\n");
}

TEST(CheckTest, AcceptsWhatSurvived) {
  const Status status =
      Check(Parse("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x\"\n"),
            Parse("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x\"\n"
                  "# CONFIG_ABSENT is not set\n"));
  EXPECT_TRUE(status) << status.error();
}

TEST(CheckTest, NamesEveryDroppedOption) {
  const Status status =
      Check(Parse("# CONFIG_DMIID is not set\nCONFIG_NR_CPUS=2\nCONFIG_SIT=y\n"
                  "CONFIG_KEPT=y\n"),
            Parse("CONFIG_DMIID=y\nCONFIG_NR_CPUS=64\n# CONFIG_SIT is not set\n"
                  "CONFIG_ABSENT=y\nCONFIG_KEPT=y\n",
                  "efi.config"));
  ASSERT_FALSE(status);
  const std::string_view message = status.error().message();
  EXPECT_TRUE(message.contains(
      "efi.config:1: wanted CONFIG_DMIID=y, got \"is not set\"\n"))
      << message;
  EXPECT_TRUE(
      message.contains("efi.config:2: wanted CONFIG_NR_CPUS=64, got 2\n"))
      << message;
  EXPECT_TRUE(message.contains("efi.config:3: wanted CONFIG_SIT=n, got y\n"))
      << message;
  EXPECT_TRUE(
      message.contains("efi.config:4: wanted CONFIG_ABSENT=y, got nothing"))
      << message;
  EXPECT_FALSE(message.contains("CONFIG_KEPT")) << message;
}

TEST(CheckTest, AModuleIsNotBuiltIn) {
  EXPECT_FALSE(Check(Parse("CONFIG_FUSE_FS=m\n"), Parse("CONFIG_FUSE_FS=y\n")));
}

TEST(DifferenceTest, IsAFragmentFromOneToTheOther) {
  EXPECT_EQ(
      Difference(Parse("CONFIG_SAME=y\nCONFIG_OFF=y\nCONFIG_GONE=y\n"
                       "# CONFIG_ON is not set\n# CONFIG_LEFT is not set\n"),
                 Parse("CONFIG_SAME=y\n# CONFIG_OFF is not set\n"
                       "CONFIG_ON=y\nCONFIG_NEW=7\n"
                       "# CONFIG_APPEARED is not set\n")),
      "# CONFIG_GONE is not set\nCONFIG_NEW=7\n# CONFIG_OFF is not set\n"
      "CONFIG_ON=y\n");
}

TEST(DifferenceTest, OfEqualsIsEmpty) {
  EXPECT_EQ(Difference(Parse("CONFIG_A=y\n"), Parse("CONFIG_A=y\n")), "");
}

}  // namespace
}  // namespace driveroot::kernelcfg
