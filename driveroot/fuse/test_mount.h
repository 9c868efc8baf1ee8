// SPDX-License-Identifier: Apache-2.0
//
// Places that tests of a whole file system work in; all users can reach them.
// Not thread-safe.
#ifndef DRIVEROOT_FUSE_TEST_MOUNT_H_
#define DRIVEROOT_FUSE_TEST_MOUNT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {

// Runs the program that the test has among its data and returns its exit code.
int RunDriveroot(const std::vector<std::string>& arguments);

// A new volume, mounted by the real program for as long as this object lives:
// in a local folder or, where the environment has DRIVEROOT_TEST_STORE=drive,
// on a fakedrive process of its own. This process gets a mount namespace of its
// own, so that nobody else sees the mount.
class TestMount {
 public:
  // Why there can be no mount here; empty: there can.
  static std::string SkipReason();

  // `mount_flags` go to `driveroot mount`.
  static Result<std::unique_ptr<TestMount>> Make(
      std::vector<std::string> mount_flags = {});

  TestMount(const TestMount&) = delete;
  TestMount& operator=(const TestMount&) = delete;
  // Unmounts and removes everything.
  ~TestMount();

  // The mount point, and a folder beside it that is no mount.
  std::string path() const { return folder_ + "/mount"; }
  std::string folder() const { return folder_; }
  std::string volume() const;
  // The process that the volume lies on; null: it lies in a folder.
  fakedrive::FakeDriveProcess* drive() { return drive_.get(); }

  // `more_flags` besides those of Make.
  Status Mount(const std::vector<std::string>& more_flags = {});
  Status Unmount();

  // How a command of the program on the volume begins: name and flags.
  std::vector<std::string> Command(const std::string& name) const;

 private:
  explicit TestMount(std::vector<std::string> mount_flags)
      : mount_flags_(std::move(mount_flags)) {}

  Status StartStore();

  const std::vector<std::string> mount_flags_;
  std::string folder_;
  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
};

// LocalFolder: a new folder on a file system of the machine, to compare with,
// removed with this object.
class LocalFolder {
 public:
  LocalFolder();
  LocalFolder(const LocalFolder&) = delete;
  LocalFolder& operator=(const LocalFolder&) = delete;
  ~LocalFolder();

  const std::string& path() const { return path_; }

  // Why it is no measure: what POSIX leaves open (the link counts of
  // directories, for one) is different outside of ext4 and XFS. Empty: it is.
  const std::string& skip_reason() const { return skip_reason_; }

 private:
  std::string path_;
  std::string skip_reason_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_TEST_MOUNT_H_
