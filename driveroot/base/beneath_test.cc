// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/beneath.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

namespace driveroot {
namespace {

using OpenFunction = UniqueFd (*)(int, std::string_view, int, mode_t);

class BeneathTest : public testing::TestWithParam<OpenFunction> {
 protected:
  void SetUp() override {
    top_ = std::filesystem::path(testing::TempDir()) / "beneath";
    std::filesystem::remove_all(top_);
    std::filesystem::create_directories(top_ / "root/folder/inner");
    std::filesystem::create_directories(top_ / "outside");
    std::ofstream(top_ / "outside/file") << "x";
    std::ofstream(top_ / "root/folder/inner/file") << "x";
    std::filesystem::create_symlink("../outside", top_ / "root/out");
    std::filesystem::create_symlink("folder", top_ / "root/within");
    std::filesystem::create_symlink("inner/file", top_ / "root/folder/link");
    root_ = UniqueFd(open((top_ / "root").c_str(), O_PATH | O_DIRECTORY));
    ASSERT_TRUE(root_.valid());
  }

  // 0, or errno.
  int Open(std::string_view path, int flags = O_RDONLY) {
    const UniqueFd fd = GetParam()(root_.get(), path, flags, 0600);
    return fd.valid() ? 0 : errno;
  }

  std::filesystem::path top_;
  UniqueFd root_;
};

TEST_P(BeneathTest, OpensWhatIsBelow) {
  EXPECT_EQ(Open("."), 0);
  EXPECT_EQ(Open("folder"), 0);
  EXPECT_EQ(Open("folder/inner/file"), 0);
  EXPECT_EQ(Open("folder/new", O_WRONLY | O_CREAT | O_EXCL), 0);
  EXPECT_EQ(Open("folder/none"), ENOENT);
}

TEST_P(BeneathTest, FollowsNoLink) {
  for (const char* path :
       {"out", "out/file", "within", "within/inner/file", "folder/link"}) {
    const int error = Open(path);
    EXPECT_TRUE(error == ELOOP || error == ENOTDIR) << path << " " << error;
  }
  const int error = Open("out/new", O_WRONLY | O_CREAT);
  EXPECT_TRUE(error == ELOOP || error == ENOTDIR) << error;
  EXPECT_FALSE(std::filesystem::exists(top_ / "outside/new"));
}

TEST_P(BeneathTest, RefusesOtherFormsOfAPath) {
  for (const std::string_view path :
       {std::string_view(""), std::string_view("/"), std::string_view("/etc"),
        std::string_view(".."), std::string_view("folder/.."),
        std::string_view("../outside/file"), std::string_view("folder//inner"),
        std::string_view("folder/"), std::string_view("./folder"),
        std::string_view("folder\0x", 8)}) {
    EXPECT_EQ(Open(path), EINVAL) << path;
  }
}

TEST_P(BeneathTest, PathsMayBeLongerThanTheKernelTakes) {
  std::string path;
  UniqueFd folder(open((top_ / "root").c_str(), O_PATH | O_DIRECTORY));
  const std::string name(200, 'n');
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_EQ(mkdirat(folder.get(), name.c_str(), 0700), 0);
    folder = UniqueFd(openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY));
    path += path.empty() ? name : "/" + name;
  }
  EXPECT_GT(path.size(), 4096u);
  EXPECT_EQ(Open(path), 0);
}

TEST_P(BeneathTest, ParentAndName) {
  const FolderAndName found =
      OpenParentBeneath(root_.get(), "folder/inner/new");
  ASSERT_TRUE(found.folder.valid());
  EXPECT_EQ(found.name, "new");
  EXPECT_EQ(mkdirat(found.folder.get(), found.name.c_str(), 0700), 0);
  EXPECT_TRUE(std::filesystem::exists(top_ / "root/folder/inner/new"));
  EXPECT_TRUE(OpenParentBeneath(root_.get(), "top").folder.valid());
  for (const char* path : {"out/x", "..", "folder/..", ".", ""}) {
    EXPECT_FALSE(OpenParentBeneath(root_.get(), path).folder.valid()) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(BothWays, BeneathTest,
                         testing::Values(&OpenBeneath, &OpenByComponents));

}  // namespace
}  // namespace driveroot
