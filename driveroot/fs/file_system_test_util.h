// SPDX-License-Identifier: Apache-2.0
//
// What the tests of FileSystem share: one on a volume in memory, with a clock
// that stands still until it is moved.
#ifndef DRIVEROOT_FS_FILE_SYSTEM_TEST_UTIL_H_
#define DRIVEROOT_FS_FILE_SYSTEM_TEST_UTIL_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/fs/file_system.h"
#include "driveroot/store/fake/fake_object_store.h"

namespace driveroot {

inline const Caller kRoot = {.uid = 0, .gid = 0, .umask = 022};
inline const Caller kUser = {.uid = 1000, .gid = 1000, .umask = 022};
inline constexpr TimeNs kDay = TimeNs{24} * 3600 * 1'000'000'000;

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() {
    FakeObjectStore store(account_);
    EXPECT_TRUE(Volume::Format(store, {}));
    Open();
  }

  void Open() {
    VolumeOptions options;
    options.commit_interval = std::chrono::hours(1);
    Result<std::unique_ptr<Volume>> volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
    fs_ = std::make_unique<FileSystem>(volume_.get(), [this] { return now_; });
  }

  void Reopen() {
    ASSERT_TRUE(fs_->Sync());
    fs_.reset();
    ASSERT_TRUE(volume_->Close());
    volume_.reset();
    Open();
  }

  InodeNumber File(std::string_view name, InodeNumber parent = kRootInode) {
    const Result<Node> node =
        fs_->Create(parent, name, S_IFREG | 0644, 0, kRoot);
    EXPECT_TRUE(node) << node.error();
    return node->number;
  }
  InodeNumber Folder(std::string_view name, InodeNumber parent = kRootInode) {
    const Result<Node> node = fs_->MakeDirectory(parent, name, 0755, kRoot);
    EXPECT_TRUE(node) << node.error();
    return node->number;
  }
  Attributes Get(InodeNumber number) {
    const Result<Node> node = fs_->GetAttributes(number);
    EXPECT_TRUE(node);
    return node ? node->attributes : Attributes();
  }
  std::string Read(InodeNumber number, uint64_t offset = 0, size_t size = 100) {
    const Result<FileBytes> bytes = fs_->Read(number, offset, size);
    EXPECT_TRUE(bytes) << bytes.error();
    return bytes ? bytes->Joined() : "";
  }
  Status Rename(std::string_view from, std::string_view to, uint32_t flags = 0,
                InodeNumber old_parent = kRootInode,
                InodeNumber new_parent = kRootInode) {
    return fs_->Rename(old_parent, from, new_parent, to, flags, kRoot);
  }
  void SetMode(InodeNumber number, uint32_t mode) {
    AttributeChange change;
    change.mode = mode;
    EXPECT_TRUE(fs_->SetAttributes(number, change, kRoot));
  }
  template <typename T>
  static ErrorCode CodeOf(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::kInternal : result.error().code();
  }

  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  TimeNs now_ = kDay;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> fs_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_FILE_SYSTEM_TEST_UTIL_H_
