// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/mkcpio/cpio_writer.h"
#include "tools/mkcpio/spec.h"

namespace driveroot {
namespace {

using ::testing::HasSubstr;

TEST(ParseCpioSpecTest, ReadsEveryKind) {
  const Result<std::vector<CpioEntry>> entries = ParseCpioSpec(
      "# the image\n"
      "dir /dev 0755 0 0\n"
      "\n"
      "nod /dev/console 0600 0 5 c 5 1  # baked in\n"
      "file /init init 4755 1 2\n"
      "slink /sh ../busy 0777 0 0");
  ASSERT_TRUE(entries) << entries.error();
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_EQ((*entries)[0], (CpioEntry{.type = CpioEntry::Type::kDirectory,
                                      .path = "/dev",
                                      .permissions = 0755}));
  EXPECT_EQ((*entries)[1], (CpioEntry{.type = CpioEntry::Type::kCharacterDevice,
                                      .path = "/dev/console",
                                      .permissions = 0600,
                                      .gid = 5,
                                      .device_major = 5,
                                      .device_minor = 1}));
  EXPECT_EQ((*entries)[2], (CpioEntry{.type = CpioEntry::Type::kFile,
                                      .path = "/init",
                                      .source = "init",
                                      .permissions = 04755,
                                      .uid = 1,
                                      .gid = 2}));
  EXPECT_EQ((*entries)[3], (CpioEntry{.type = CpioEntry::Type::kSymlink,
                                      .path = "/sh",
                                      .source = "../busy",
                                      .permissions = 0777}));
}

struct BadSpec {
  std::string text;
  std::string complaint;
};

class BadSpecTest : public testing::TestWithParam<BadSpec> {};

TEST_P(BadSpecTest, IsRefusedWithTheLine) {
  const Result<std::vector<CpioEntry>> entries = ParseCpioSpec(GetParam().text);
  ASSERT_FALSE(entries);
  EXPECT_THAT(entries.error().message(), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadSpecTest,
    testing::Values(
        BadSpec{"\ndirectory /a 0755 0 0", "line 2: directory is no kind"},
        BadSpec{"dir /a 0755 0", "line 1: dir takes 4 words, not 3"},
        BadSpec{"dir /a 0855 0 0", "0855 is no octal mode"},
        BadSpec{"dir /a 10000 0 0", "10000 is no octal mode"},
        BadSpec{"dir /a 0755 -1 0", "-1 is no user id"},
        BadSpec{"dir /a 0755 0 4294967296", "4294967296 is no group id"},
        BadSpec{"dir a 0755 0 0", "a is no absolute path"},
        BadSpec{"dir / 0755 0 0", "/ is no absolute path"},
        BadSpec{"dir /a/../b 0755 0 0", "/a/../b is no absolute path"},
        BadSpec{"file /a/b x 0644 0 0", "no line before it makes the folder"},
        BadSpec{"dir /a 0755 0 0\ndir /a 0755 0 0", "line 2: /a comes twice"},
        BadSpec{"nod /a 0600 0 0 p 1 1", "p is no kind of device"},
        BadSpec{"nod /a 0600 0 0 c 4096 1", "4096 is no major number"}));

// Written out by hand from the format's description.
TEST(CpioWriterTest, WritesTheFormat) {
  CpioWriter writer;
  ASSERT_TRUE(writer.Add({.type = CpioEntry::Type::kFile,
                          .path = "/ab",
                          .source = "x",
                          .permissions = 0644,
                          .uid = 16,
                          .gid = 17},
                         "hello"));
  ASSERT_TRUE(writer.Add({.type = CpioEntry::Type::kCharacterDevice,
                          .path = "/tty",
                          .permissions = 0600,
                          .device_major = 5,
                          .device_minor = 1},
                         ""));
  const std::string archive = writer.Finish();
  const std::string file = std::string(
                               "070701"
                               "00000001"
                               "000081A4"
                               "00000010"
                               "00000011"
                               "00000001"
                               "00000000"
                               "00000005"
                               "00000000"
                               "00000000"
                               "00000000"
                               "00000000"
                               "00000003"
                               "00000000") +
                           std::string("ab\0\0\0\0", 6) +
                           std::string("hello\0\0\0", 8);
  const std::string device = std::string(
                                 "070701"
                                 "00000002"
                                 "00002180"
                                 "00000000"
                                 "00000000"
                                 "00000001"
                                 "00000000"
                                 "00000000"
                                 "00000000"
                                 "00000000"
                                 "00000005"
                                 "00000001"
                                 "00000004"
                                 "00000000") +
                             std::string("tty\0\0\0", 6);
  const std::string trailer = std::string(
                                  "070701"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "00000001"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "00000000"
                                  "0000000B"
                                  "00000000") +
                              std::string("TRAILER!!!\0\0\0\0", 14);
  EXPECT_EQ(archive, file + device + trailer);
}

TEST(CpioWriterTest, SymlinkHoldsItsTarget) {
  CpioWriter writer;
  ASSERT_TRUE(writer.Add({.type = CpioEntry::Type::kSymlink,
                          .path = "/l",
                          .source = "target",
                          .permissions = 0777},
                         ""));
  EXPECT_THAT(writer.Finish(), HasSubstr(std::string("l\0target\0\0", 10)));
}

TEST(CpioWriterTest, StartsAnewAfterFinish) {
  CpioWriter writer;
  const CpioEntry folder = {.path = "/d", .permissions = 0755};
  ASSERT_TRUE(writer.Add(folder, ""));
  const std::string first = writer.Finish();
  ASSERT_TRUE(writer.Add(folder, ""));
  EXPECT_EQ(writer.Finish(), first);
}

}  // namespace
}  // namespace driveroot
