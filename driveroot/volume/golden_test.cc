// SPDX-License-Identifier: Apache-2.0
//
// Volumes that older versions wrote are read the same, can be written to, and
// are in order for fsck. A new format version gets a folder of its own, made by
//
//   bazel run //driveroot/volume:write_golden_volume -- $PWD/…/testdata/vN
//
// and the older ones stay as they are.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/golden_volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string folder = "driveroot/volume/testdata/" + GetParam();
    auto account = LoadAccount(folder);
    ASSERT_TRUE(account) << account.error();
    account_ = *std::move(account);
    auto tree = ReadFile(folder + "/tree.txt", 1 << 20);
    ASSERT_TRUE(tree) << tree.error();
    tree_ = *std::move(tree);
  }

  std::string Tree(const VolumeOptions& options) {
    const auto volume = OpenOn(account_, options);
    EXPECT_TRUE(volume) << volume.error();
    if (!volume) return "";
    const auto text = TreeText(**volume);
    EXPECT_TRUE(text) << text.error();
    return text.value_or("");
  }

  std::shared_ptr<FakeAccount> account_;
  std::string tree_;
};

TEST_P(GoldenTest, IsReadTheSame) {
  VolumeOptions options = TestOptions();
  options.read_only = true;
  EXPECT_EQ(Tree(options), tree_);
}

TEST_P(GoldenTest, IsInOrder) {
  FakeObjectStore store(account_);
  const auto report = CheckVolume(store, CheckOptions());
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->problems, std::vector<std::string>());
  EXPECT_EQ(report->orphans, 1u);
}

TEST_P(GoldenTest, CanBeWrittenTo) {
  VolumeOptions options = TestOptions();
  options.steal = true;
  {
    const auto volume = OpenOn(account_, options);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(PutFile(**volume, "new", "written by this version"));
    ASSERT_TRUE((*volume)->Sync());
  }
  const auto volume = OpenOn(account_, options);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ(GetFile(**volume, "new").value_or(""), "written by this version");
  ASSERT_TRUE(RemoveFile(**volume, "new"));
  ASSERT_TRUE((*volume)->Close());
  EXPECT_EQ(Tree(options), tree_);
}

INSTANTIATE_TEST_SUITE_P(Versions, GoldenTest,
                         testing::Values("v1", "v2", "v3"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace driveroot
