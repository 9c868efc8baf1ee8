// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/test_mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

// From the folder in which Bazel starts tests; found before any test leaves it.
const std::string& Program() {
  static const std::string* const path = new std::string(
      std::filesystem::absolute("driveroot/driveroot").string());
  return *path;
}

Status Succeed(const std::vector<std::string>& arguments) {
  const int code = RunDriveroot(arguments);
  if (code == 0) return {};
  return Fail(ErrorCode::kInternal, "driveroot " + arguments.front() +
                                        " ended with " + std::to_string(code));
}

// A sandbox that is made meanwhile, for another test, copies the mounts that it
// sees and keeps them in use until it ends.
Status HideMounts() {
  static const int error = [] {
    const bool hidden =
        unshare(CLONE_NEWNS) == 0 &&
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return hidden ? 0 : errno;
  }();
  if (error == 0) return {};
  return std::unexpected(
      Error::FromErrno(error, "cannot make a mount namespace"));
}

}  // namespace

int RunDriveroot(const std::vector<std::string>& arguments) {
  std::vector<char*> argv = {const_cast<char*>("driveroot")};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const std::string& program = Program();
  const pid_t child = fork();
  if (child == 0) {
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string TestMount::SkipReason() {
  if (geteuid() != 0) return "needs root";
  const UniqueFd fuse(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  return fuse.valid() ? "" : "/dev/fuse can't be opened here";
}

Result<std::unique_ptr<TestMount>> TestMount::Make(
    std::vector<std::string> mount_flags) {
  DRIVEROOT_RETURN_IF_ERROR(HideMounts());
  std::unique_ptr<TestMount> mount(new TestMount(std::move(mount_flags)));
  // Not the test's own folder: other users must be able to reach it.
  std::string folder = "/tmp/driveroot_test.XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a folder"));
  }
  mount->folder_ = folder;
  // The other users of the tests pass through it.
  if (chmod(folder.c_str(), 0755) != 0 ||
      mkdir(mount->path().c_str(), 0755) != 0) {
    return std::unexpected(Error::FromErrno(errno, folder));
  }
  DRIVEROOT_RETURN_IF_ERROR(mount->StartStore());
  std::vector<std::string> make = mount->Command("mkfs");
  make.push_back(mount->volume());
  DRIVEROOT_RETURN_IF_ERROR(Succeed(make));
  DRIVEROOT_RETURN_IF_ERROR(mount->Mount());
  return mount;
}

std::string TestMount::volume() const {
  return drive_ != nullptr ? "drive:test" : "dir:" + folder_ + "/volume";
}

Status TestMount::StartStore() {
  const char* store = getenv("DRIVEROOT_TEST_STORE");
  if (store == nullptr || std::string_view(store) != "drive") return {};
  DRIVEROOT_ASSIGN_OR_RETURN(drive_, fakedrive::FakeDriveProcess::Start());
  return {};
}

std::vector<std::string> TestMount::Command(const std::string& name) const {
  if (drive_ == nullptr) return {name};
  return {name, "--drive_endpoint=" + drive_->endpoint(),
          "--ca_file=" + drive_->ca_file(),
          "--credentials=" + drive_->credentials_file()};
}

Status TestMount::Mount(const std::vector<std::string>& more_flags) {
  std::vector<std::string> arguments = Command("mount");
  arguments.insert(arguments.end(), mount_flags_.begin(), mount_flags_.end());
  arguments.insert(arguments.end(), more_flags.begin(), more_flags.end());
  arguments.insert(arguments.end(), {volume(), path()});
  return Succeed(arguments);
}

Status TestMount::Unmount() { return Succeed({"unmount", path()}); }

LocalFolder::LocalFolder() {
  if (geteuid() != 0) {
    skip_reason_ = "needs root";
    return;
  }
  std::string folder = "/tmp/driveroot_local.XXXXXX";
  if (mkdtemp(folder.data()) == nullptr || chmod(folder.c_str(), 0755) != 0) {
    skip_reason_ = "no folder in /tmp";
    return;
  }
  path_ = folder;
  struct statfs info = {};
  if (statfs(folder.c_str(), &info) != 0 ||
      (info.f_type != EXT4_SUPER_MAGIC && info.f_type != XFS_SUPER_MAGIC)) {
    skip_reason_ = "/tmp is neither ext4 nor XFS";
  }
}

LocalFolder::~LocalFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TestMount::~TestMount() {
  if (folder_.empty()) return;
  if (!Unmount()) umount2(path().c_str(), MNT_DETACH);
  // Best effort: a daemon that could not be unmounted still writes.
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace driveroot
