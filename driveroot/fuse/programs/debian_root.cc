// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/programs/debian_root.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {
namespace {

std::unexpected<Error> Failed(const std::string& what) {
  return std::unexpected(Error::FromErrno(errno, what));
}

Status MountOn(const char* source, const std::string& target, const char* type,
               unsigned long flags, const char* data) {
  std::error_code ignored;
  std::filesystem::create_directories(target, ignored);
  if (mount(source, target.c_str(), type, flags, data) != 0) {
    return Failed("cannot mount on " + target);
  }
  return {};
}

// In the child: becomes the script, in the tree.
[[noreturn]] void BecomeScript(const std::string& root,
                               const std::string& script, int output) {
  const UniqueFd null(open("/dev/null", O_RDONLY));
  dup2(null.get(), STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (chroot(root.c_str()) != 0 || chdir("/root") != 0) _exit(126);
  umask(022);
  const char* const argv[] = {"sh", "-ec", script.c_str(), nullptr};
  const char* const environment[] = {
      "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root",
      "LC_ALL=C.UTF-8",
      "DEBIAN_FRONTEND=noninteractive",
      "TERM=dumb",
      nullptr};
  execve("/bin/sh", const_cast<char* const*>(argv),
         const_cast<char* const*>(environment));
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<DebianRoot>> DebianRoot::Make(
    const std::string& archive) {
  // Whatever a script leaves behind becomes ours to end.
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return Failed("prctl");
  DRIVEROOT_ASSIGN_OR_RETURN(std::unique_ptr<TestMount> mount,
                             TestMount::Make());
  std::unique_ptr<DebianRoot> root(new DebianRoot(std::move(mount)));
  DRIVEROOT_RETURN_IF_ERROR(root->Unpack(archive));
  DRIVEROOT_RETURN_IF_ERROR(root->MountInside());
  return root;
}

Status DebianRoot::Unpack(const std::string& archive) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSource> source,
                             OpenTreeSource(archive));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(path()));
  std::string buffer(128 << 10, '\0');
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry,
                               source->Next());
    if (!entry) return sink->Finish();
    DRIVEROOT_RETURN_IF_ERROR(sink->WriteEntry(*entry));
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t count, source->ReadData(buffer));
      if (count == 0) break;
      DRIVEROOT_RETURN_IF_ERROR(
          sink->WriteData(std::string_view(buffer).substr(0, count)));
    }
  }
}

Status DebianRoot::MountInside() {
  DRIVEROOT_RETURN_IF_ERROR(MountOn("proc", path() + "/proc", "proc", 0, ""));
  DRIVEROOT_RETURN_IF_ERROR(
      MountOn("/dev", path() + "/dev", nullptr, MS_BIND, nullptr));
  DRIVEROOT_RETURN_IF_ERROR(MountOn("sysfs", path() + "/sys", "sysfs", 0, ""));
  DRIVEROOT_RETURN_IF_ERROR(
      MountOn("cgroup2", path() + "/sys/fs/cgroup", "cgroup2", 0, ""));
  DRIVEROOT_RETURN_IF_ERROR(
      MountOn("tmpfs", path() + "/run", "tmpfs", 0, "mode=0755"));
  std::error_code ignored;
  std::filesystem::create_directories(outside(), ignored);
  DRIVEROOT_RETURN_IF_ERROR(
      MountOn(outside().c_str(), path() + "/mnt", nullptr, MS_BIND, nullptr));
  for (const auto& [source, target] : bound_) {
    DRIVEROOT_RETURN_IF_ERROR(
        MountOn(source.c_str(), path() + target, nullptr, MS_BIND, nullptr));
  }
  return {};
}

void DebianRoot::UnmountInside() {
  for (const auto& [source, target] : bound_) {
    umount2((path() + target).c_str(), MNT_DETACH);
  }
  for (const char* target : {"/mnt", "/run", "/sys", "/dev", "/proc"}) {
    umount2((path() + target).c_str(), MNT_DETACH);
  }
}

Status DebianRoot::Bind(const std::string& source, const std::string& target) {
  DRIVEROOT_RETURN_IF_ERROR(
      MountOn(source.c_str(), path() + target, nullptr, MS_BIND, nullptr));
  bound_.emplace_back(source, target);
  return {};
}

ScriptResult DebianRoot::Run(const std::string& script) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {.code = -1, .output = "no pipe"};
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    // A group of its own, to be ended as one.
    setpgid(0, 0);
    BecomeScript(path(), script, out.get());
  }
  out.Reset();
  ScriptResult result;
  char bytes[4096];
  ssize_t count;
  while ((count = read(in.get(), bytes, sizeof(bytes))) > 0) {
    result.output.append(bytes, static_cast<size_t>(count));
  }
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  kill(-child, SIGKILL);
  while (waitpid(-child, nullptr, 0) > 0) {
  }
  return result;
}

Status DebianRoot::Remount() {
  UnmountInside();
  DRIVEROOT_RETURN_IF_ERROR(mount_->Unmount());
  DRIVEROOT_RETURN_IF_ERROR(mount_->Mount());
  return MountInside();
}

DebianRoot::~DebianRoot() { UnmountInside(); }

}  // namespace driveroot
