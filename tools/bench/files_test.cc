// SPDX-License-Identifier: Apache-2.0
//
// The parts of the benchmark that need no machine, on a small tree: that they
// run to their end, and that they measure what they say.
#include "driveroot/base/files.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tools/bench/boot_trace.h"
#include "tools/bench/file_reads.h"
#include "tools/bench/mounted.h"
#include "tools/bench/rclone.h"
#include "tools/bench/reads.h"
#include "tools/bench/transfer.h"
#include "vmtest/testbed/private_drive.h"

namespace driveroot::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kFolders = 20;
constexpr int kFilesInEach = 3;
constexpr uint64_t kLargeBytes = 32 << 20;
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
    output_dir_ = testing::TempDir() + "/" +
                  testing::UnitTest::GetInstance()->current_test_info()->name();
    plan_ = {.tree = output_dir_ + "/tree",
             .large_file = output_dir_ + "/large/file",
             .random_reads = 4,
             .small_files = 10};
    MakeTree(plan_.tree);
    fs::create_directories(plan_.LargeFolder());
    ASSERT_TRUE(MakeLargeFile(plan_.large_file, kLargeBytes));
    const Result<vmtest::Programs> programs = vmtest::FindPrograms("");
    ASSERT_TRUE(programs) << programs.error();
    programs_ = *programs;
    Result<std::unique_ptr<vmtest::PrivateDrive>> drive =
        vmtest::PrivateDrive::Start(programs_, output_dir_);
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
  }

  std::string output_dir_;
  ReadPlan plan_;
  vmtest::Programs programs_;
  std::unique_ptr<vmtest::PrivateDrive> drive_;
};

TEST_F(FilesTest, TransfersCountWhatTheySend) {
  const Bench bench = {.drive = *drive_,
                       .link = {.name = "fast", .bandwidth_mbit = 1000}};
  const Result<std::vector<Cost>> transfers = MeasureTransfer(
      bench, plan_.tree, "drive:bench", output_dir_ + "/pulled");
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
}

// Whoever mounts: the same is read.
void ExpectAllRead(const std::vector<Cost>& reads) {
  ASSERT_EQ(reads.size(), 6U);
  EXPECT_GE(*reads[0].round_trips, 2U);
  EXPECT_LE(*reads[0].round_trips, reads[0].traffic.TotalRequests());
  EXPECT_EQ(reads[1].operations, kEntries);
  EXPECT_EQ(reads[2].operations, static_cast<uint64_t>(kFolders));
  EXPECT_EQ(reads[3].operations, 10U);
  EXPECT_EQ(reads[3].bytes, 10'000U);
  EXPECT_EQ(reads[4].operations, 4U);
  EXPECT_EQ(reads[5].bytes, kLargeBytes);
  EXPECT_GE(reads[5].traffic.bytes_down, kLargeBytes);
  EXPECT_TRUE(reads[5].link_share.has_value());
}

TEST_F(FilesTest, VolumesAskNothingForNames) {
  const Bench bench = {.drive = *drive_,
                       .link = {.name = "fast", .bandwidth_mbit = 1000}};
  const Result<std::vector<Cost>> reads = MeasureVolumeReads(bench, plan_);
  ASSERT_TRUE(reads) << reads.error();
  ExpectAllRead(*reads);
  EXPECT_EQ((*reads)[1].traffic.TotalRequests(), 0U);
  EXPECT_EQ((*reads)[2].traffic.TotalRequests(), 0U);
  EXPECT_GE((*reads)[4].traffic.Requests("media"), 1U);
  EXPECT_LE((*reads)[4].traffic.Requests("media"), 4U);
}

TEST_F(FilesTest, RcloneDoesTheSame) {
  const Bench bench = {.drive = *drive_,
                       .link = {.name = "fast", .bandwidth_mbit = 1000}};
  const Result<RcloneCosts> rclone =
      MeasureRclone(bench, plan_, programs_.runfiles + "/debian_rclone/bin",
                    /*sample_files=*/2);
  ASSERT_TRUE(rclone) << rclone.error();
  // Every entry, and the folder that all go to.
  EXPECT_EQ(rclone->copy.traffic.Requests("create"), kEntries + 1);
  EXPECT_EQ(rclone->sample.operations, 2U);
  EXPECT_EQ(rclone->sample.traffic.Requests("create"), 2U + 2U + 1U);
  EXPECT_DOUBLE_EQ(rclone->extrapolated_seconds,
                   rclone->sample.seconds * (kEntries + 1) / 5);
  ExpectAllRead(rclone->reads);
}

TEST_F(FilesTest, BootTraceTellsWhatWasRead) {
  ASSERT_TRUE(drive_->Driveroot("push", {plan_.tree, "drive:boot"}));
  EXPECT_EQ(BootTraceBytes(*drive_, "drive:boot").value(), 0U);
  Result<Mounted> mounted = Mounted::Volume(*drive_, "drive:boot",
                                            output_dir_ + "/mount", {"--boot"});
  ASSERT_TRUE(mounted) << mounted.error();
  ASSERT_TRUE(
      ReadFile(mounted->folder() + "/folder1/file1", /*max_bytes=*/2000));
  ASSERT_TRUE(mounted->Unmount());
  EXPECT_GT(BootTraceBytes(*drive_, "drive:boot").value(), 0U);
}

}  // namespace
}  // namespace driveroot::bench
