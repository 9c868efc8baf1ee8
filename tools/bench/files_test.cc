// SPDX-License-Identifier: Apache-2.0
//
// The parts of the benchmark that need no machine, on a small tree: that they
// run to their end, and that they measure what they say.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tools/bench/file_reads.h"
#include "tools/bench/reads.h"
#include "tools/bench/transfer.h"
#include "vmtest/testbed/private_drive.h"

namespace driveroot::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kFolders = 20;
constexpr int kFilesInEach = 3;
constexpr size_t kEntries = kFolders * (1 + kFilesInEach) + 1;

void MakeTree(const std::string& tree) {
  for (int i = 0; i < kFolders; ++i) {
    const std::string folder = tree + "/folder" + std::to_string(i);
    fs::create_directories(folder);
    for (int j = 0; j < kFilesInEach; ++j) {
      std::ofstream(folder + "/file" + std::to_string(j))
          << std::string(1000, static_cast<char>('a' + j));
    }
  }
  fs::create_symlink("folder1/file1", tree + "/link");
}

TEST(SampleFilesTest, TakesThemEvenlyAndNoLinks) {
  const std::string tree = testing::TempDir() + "/sample";
  MakeTree(tree);
  std::ofstream(tree + "/folder0/file0") << std::string(5000, 'x');
  const std::vector<std::string> sample = SampleFiles(tree, 2, 2000).value();
  ASSERT_EQ(sample.size(), 2U);
  EXPECT_EQ(sample[0], "folder0/file1");
  EXPECT_NE(sample[1].substr(0, 8), "folder0/");
  EXPECT_EQ(SampleFiles(tree, 1000, 1 << 20).value().size(),
            static_cast<size_t>(kFolders * kFilesInEach));
}

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    output_dir_ = testing::TempDir() + "/bench";
    MakeTree(output_dir_ + "/tree");
    const Result<vmtest::Programs> programs = vmtest::FindPrograms("");
    ASSERT_TRUE(programs) << programs.error();
    Result<std::unique_ptr<vmtest::PrivateDrive>> drive =
        vmtest::PrivateDrive::Start(*programs, output_dir_);
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
  }

  std::string output_dir_;
  std::unique_ptr<vmtest::PrivateDrive> drive_;
};

TEST_F(FilesTest, CountWhatTheyDo) {
  const Bench bench = {.drive = *drive_,
                       .link = {.name = "fast", .bandwidth_mbit = 1000}};
  const Result<std::vector<Cost>> transfers = MeasureTransfer(
      bench, output_dir_ + "/tree", "drive:bench", output_dir_ + "/pulled");
  ASSERT_TRUE(transfers) << transfers.error();
  const Cost& push = (*transfers)[0];
  const Cost& pull = (*transfers)[1];
  EXPECT_GT(push.traffic.Requests("create"), 0U);
  EXPECT_GT(push.traffic.bytes_up, 0U);
  EXPECT_DOUBLE_EQ(
      *push.link_share,
      static_cast<double>(push.traffic.bytes_up) * 8 / 1e9 / push.seconds);
  EXPECT_GT(pull.traffic.Requests("media"), 0U);
  EXPECT_EQ(pull.traffic.Requests("create"), 0U);
  EXPECT_TRUE(fs::exists(output_dir_ + "/pulled/folder1/file1"));

  ReadPlan plan = {.tree = output_dir_ + "/tree",
                   .large_file = output_dir_ + "/large/file",
                   .random_reads = 4,
                   .small_files = 10};
  fs::create_directories(plan.LargeFolder());
  ASSERT_TRUE(MakeLargeFile(plan.large_file, 32 << 20));
  const Result<std::vector<Cost>> reads = MeasureVolumeReads(bench, plan);
  ASSERT_TRUE(reads) << reads.error();
  ASSERT_EQ(reads->size(), 6U);
  const Cost& mount = (*reads)[0];
  EXPECT_GE(*mount.round_trips, 2U);
  EXPECT_LE(*mount.round_trips, mount.traffic.TotalRequests());
  const Cost& walk = (*reads)[1];
  EXPECT_EQ(walk.operations, kEntries);
  EXPECT_EQ(walk.traffic.TotalRequests(), 0U);
  const Cost& missing = (*reads)[2];
  EXPECT_EQ(missing.operations, static_cast<uint64_t>(kFolders));
  EXPECT_EQ(missing.traffic.TotalRequests(), 0U);
  const Cost& small = (*reads)[3];
  EXPECT_EQ(small.operations, 10U);
  EXPECT_EQ(small.bytes, 10'000U);
  const Cost& random = (*reads)[4];
  EXPECT_EQ(random.operations, 4U);
  EXPECT_GE(random.traffic.Requests("media"), 1U);
  EXPECT_LE(random.traffic.Requests("media"), 4U);
  const Cost& sequential = (*reads)[5];
  EXPECT_EQ(sequential.bytes, uint64_t{32} << 20);
  EXPECT_GE(sequential.traffic.bytes_down, uint64_t{32} << 20);
  EXPECT_TRUE(sequential.link_share.has_value());
}

}  // namespace
}  // namespace driveroot::bench
