// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

std::string TempPath(const std::string& name) {
  return testing::TempDir() + "/" + name;
}

TEST(FilesTest, WritesAndReadsBack) {
  const std::string path = TempPath("file");
  const std::string bytes(200'000, 'x');
  ASSERT_TRUE(ReplaceFile(path, "old", 0600));
  ASSERT_TRUE(ReplaceFile(path, bytes, 0640));
  EXPECT_EQ(ReadFile(path, 1 << 20).value(), bytes);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST(FilesTest, ReadsFilesThatDoNotKnowTheirSize) {
  EXPECT_NE(ReadFile("/proc/self/status", 1 << 20).value().find("Pid:"),
            std::string::npos);
}

TEST(FilesTest, RefusesWhatIsTooLarge) {
  const std::string path = TempPath("large");
  ASSERT_TRUE(ReplaceFile(path, "12345", 0600));
  EXPECT_TRUE(ReadFile(path, 5));
  const Result<std::string> result = ReadFile(path, 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kFileTooLarge);
}

TEST(FilesTest, ErrorsNameThePathAndLeaveNothingBehind) {
  const Status status = ReplaceFile(TempPath("no/such/folder"), "x", 0600);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("no/such/folder"), std::string::npos);
  const std::string folder = TempPath("folder");
  std::filesystem::create_directories(folder + "/taken/inside");
  EXPECT_FALSE(ReplaceFile(folder + "/taken", "x", 0600));
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++entries;
    EXPECT_EQ(entry.path().filename(), "taken");
  }
  EXPECT_EQ(entries, 1);
}

}  // namespace
}  // namespace driveroot
