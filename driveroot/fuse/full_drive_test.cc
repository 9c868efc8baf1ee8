// SPDX-License-Identifier: Apache-2.0
//
// A mount on a Drive that is full, and on one whose folder goes to the trash.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/noise.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"
#include "driveroot/store/drive/drive_client.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

class FullDriveTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make();
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
  }

  std::string Path(const std::string& name) const {
    return mount_->path() + "/" + name;
  }

  // From now on so many bytes more find room.
  void LeaveRoom(uint64_t bytes) {
    auto stats = mount_->drive()->Stats();
    ASSERT_TRUE(stats) << stats.error();
    ASSERT_TRUE(mount_->drive()->Set(
        R"({"quota_bytes":)" +
        std::to_string(stats->totals["bytes_stored"] + bytes) + "}"));
  }

  // 0, or the error of what failed first: writing, or making it durable.
  int Put(const std::string& name, const std::string& bytes) const {
    const UniqueFd fd(open(Path(name).c_str(),
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.valid()) return errno;
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n =
          write(fd.get(), bytes.data() + done, bytes.size() - done);
      if (n < 0) return errno;
      done += static_cast<size_t>(n);
    }
    return fsync(fd.get()) == 0 ? 0 : errno;
  }

  uint64_t FreeBytes() const {
    struct statvfs info = {};
    EXPECT_EQ(statvfs(mount_->path().c_str(), &info), 0);
    return uint64_t{info.f_bavail} * info.f_frsize;
  }

  std::unique_ptr<TestMount> mount_;
};

TEST_F(FullDriveTest, RemovingWhatDidNotFitHelps) {
  ASSERT_EQ(Put("kept", "kept"), 0);
  LeaveRoom(1'000'000);
  // In a record, in a segment, and beyond what may be unstored.
  for (const size_t megabytes : {2u, 20u, 200u}) {
    EXPECT_EQ(Put("big", Noise(megabytes << 20, 1)), ENOSPC) << megabytes;
    EXPECT_EQ(FreeBytes(), 0u) << megabytes;
    ASSERT_EQ(unlink(Path("big").c_str()), 0) << megabytes;
    // The kernel tells in its own time that nobody uses the file any more.
    int error = ENOSPC;
    while (error == ENOSPC) error = Put("one", "1");
    EXPECT_EQ(error, 0) << megabytes;
    while (FreeBytes() == 0) std::this_thread::yield();
  }
  ASSERT_TRUE(mount_->Unmount());
  ASSERT_TRUE(mount_->Mount());
  EXPECT_EQ(access(Path("kept").c_str(), F_OK), 0);
  EXPECT_EQ(access(Path("one").c_str(), F_OK), 0);
  EXPECT_NE(access(Path("big").c_str(), F_OK), 0);
}

TEST_F(FullDriveTest, GarbageIsCollectedWhenNothingFits) {
  ASSERT_EQ(Put("big", Noise(6 << 20, 1)), 0);
  ASSERT_EQ(unlink(Path("big").c_str()), 0);
  ASSERT_EQ(Put("small", "small"), 0);
  ASSERT_TRUE(mount_->Unmount());
  LeaveRoom(0);
  std::vector<std::string> collect = mount_->Command("gc");
  collect.insert(collect.end(), {"--keep_hours=0", "--keep_days=0"});
  collect.push_back(mount_->volume());
  EXPECT_EQ(RunDriveroot(collect), 0);
  ASSERT_TRUE(mount_->Mount());
  EXPECT_EQ(access(Path("small").c_str(), F_OK), 0);
  EXPECT_EQ(Put("more", "more"), 0);
}

TEST_F(FullDriveTest, AFolderInTheTrashIsWaitedFor) {
  const fakedrive::FakeDriveProcess& drive = *mount_->drive();
  const auto client =
      DriveClient::Open({.credentials_file = drive.credentials_file(),
                         .drive_endpoint = drive.endpoint(),
                         .ca_file = drive.ca_file()});
  ASSERT_TRUE(client) << client.error();
  const auto folders = (*client)->api().List("name='test'", "id,name");
  ASSERT_TRUE(folders) << folders.error();
  ASSERT_EQ(folders->size(), 1u);
  const auto set_trashed = [&](bool trashed) {
    const auto patched = (*client)->api().client().Call(
        {.call = "files.update",
         .method = "PATCH",
         .url = drive.endpoint() + "/drive/v3/files/" + folders->front().id,
         .headers = {{"Content-Type", "application/json"}},
         .body = {trashed ? R"({"trashed":true})" : R"({"trashed":false})"}});
    ASSERT_TRUE(patched) << patched.error();
  };
  ASSERT_EQ(Put("before", "before"), 0);
  set_trashed(true);
  std::atomic<bool> stored = false;
  std::jthread writer([&] {
    EXPECT_EQ(Put("file", "bytes"), 0);
    stored = true;
  });
  // It is tried again and again, and nothing counts as stored.
  ASSERT_TRUE(drive.ResetStats());
  while (drive.Stats()->requests["create"] < 2) std::this_thread::yield();
  EXPECT_FALSE(stored);
  // Nobody takes the name for free meanwhile.
  std::vector<std::string> make = mount_->Command("mkfs");
  make.push_back(mount_->volume());
  EXPECT_NE(RunDriveroot(make), 0);
  set_trashed(false);
  writer.join();
  EXPECT_TRUE(stored);
  ASSERT_TRUE(mount_->Unmount());
  ASSERT_TRUE(mount_->Mount());
  EXPECT_EQ(access(Path("file").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace driveroot
