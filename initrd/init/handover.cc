// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/handover.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/init/daemon.h"
#include "initrd/init/guard_start.h"
#include "initrd/init/runtime_files.h"
#include "initrd/saving/save_volume.h"

namespace driveroot {
namespace {

constexpr char kShutdownSource[] = "/bin/driveroot-shutdown";
constexpr char kShutdownFolder[] = "/run/initramfs";
constexpr char kShutdownTarget[] = "/run/initramfs/shutdown";
constexpr uint64_t kMaxShutdownBytes = 64 << 20;
constexpr char kWantsFolder[] = "/run/systemd/system/sysinit.target.wants";

// Moved as they are. /proc is mounted anew there: the initramfs keeps its own
// for the daemon and dhcpcd.
constexpr std::array<std::string_view, 3> kMovedMounts = {"/dev", "/sys",
                                                          "/run"};

std::string InNewRoot(std::string_view path) {
  return std::string(kNewRoot) + std::string(path);
}

Status MakeFolders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return std::unexpected(
      Error::FromErrno(error.value(), "cannot make " + path.string()));
}

Status WriteWithFolders(const std::string& path, std::string_view content,
                        mode_t mode) {
  DRIVEROOT_RETURN_IF_ERROR(
      MakeFolders(std::filesystem::path(path).parent_path()));
  return ReplaceFile(path, content, mode);
}

Status LinkCommitUnit() {
  DRIVEROOT_RETURN_IF_ERROR(MakeFolders(kWantsFolder));
  const std::string link =
      std::format("{}/driveroot-commit.service", kWantsFolder);
  if (symlink("../driveroot-commit.service", link.c_str()) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make " + link));
  }
  return {};
}

Status InstallShutdown() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string program,
                             ReadFile(kShutdownSource, kMaxShutdownBytes));
  return WriteWithFolders(kShutdownTarget, program, 0755);
}

// Makes /etc/resolv.conf of the new root a link to what DHCP gave, if there is
// none or an empty one. A link and not a copy, so that nothing of this network
// is left in the volume when it boots in another.
Status LinkResolver() {
  const std::string path = InNewRoot("/etc/resolv.conf");
  const std::string temporary = path + ".driveroot";
  unlink(temporary.c_str());
  if (symlink("../run/driveroot/resolv.conf", temporary.c_str()) < 0 ||
      rename(temporary.c_str(), path.c_str()) < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot make /etc/resolv.conf"));
  }
  return {};
}

// Name servers for a root that has none. Where /etc/resolv.conf points into
// /run, its file is made there; the program it belongs to replaces it.
Status FillResolver(const Lease& lease) {
  const std::string path = InNewRoot("/etc/resolv.conf");
  struct stat status = {};
  if (lstat(path.c_str(), &status) < 0) {
    return errno == ENOENT ? LinkResolver()
                           : std::unexpected(Error::FromErrno(
                                 errno, "cannot look at /etc/resolv.conf"));
  }
  if (S_ISREG(status.st_mode) && status.st_size == 0) return LinkResolver();
  if (!S_ISLNK(status.st_mode)) return {};
  std::array<char, PATH_MAX> target;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  if (size < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot read the link /etc/resolv.conf"));
  }
  const std::optional<std::string> in_run =
      ResolverTargetInRun({target.data(), static_cast<size_t>(size)});
  if (!in_run || access(in_run->c_str(), F_OK) == 0) return {};
  return WriteWithFolders(*in_run, ResolverSettings(lease), 0644);
}

// Whether an earlier boot has left a journal: a folder named like the machine.
bool HasJournal() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           InNewRoot("/var/log/journal"), error)) {
    if (entry.is_directory(error)) return true;
  }
  return false;
}

void WarnOfFailure(const Status& step, Console& console) {
  if (!step) console.Print("warning: " + step.error().message());
}

void WriteFiles(const std::vector<RuntimeFile>& files, Console& console) {
  for (const RuntimeFile& file : files) {
    WarnOfFailure(WriteWithFolders(file.path, file.content, 0644), console);
  }
}

Status MoveMounts() {
  for (const std::string_view path : kMovedMounts) {
    const std::string source(path);
    const std::string target = InNewRoot(path);
    mkdir(target.c_str(), 0755);  // A root tree has it: EEXIST.
    if (mount(source.c_str(), target.c_str(), nullptr, MS_MOVE, nullptr) < 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot move " + source + " to the root"));
    }
  }
  const std::string proc = InNewRoot("/proc");
  mkdir(proc.c_str(), 0755);
  if (mount("proc", proc.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
            nullptr) < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot mount /proc in the root"));
  }
  return {};
}

// chroot alone would break user namespaces: the kernel refuses them to a
// process whose root is not the root of its mount namespace
// (current_chrooted()). So the new root is moved over the old one first.
Status ChangeRoot() {
  if (chdir(kNewRoot) < 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) < 0 ||
      chroot(".") < 0 || chdir("/") < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot change the root"));
  }
  return {};
}

}  // namespace

void PrepareRuntime(const Connection& connection, const Settings& settings,
                    Console& console) {
  WriteFiles(RuntimeFiles(connection), console);
  WarnOfFailure(InstallShutdown(), console);
  if (settings.give_up_seconds == 0) return;
  // Once for the shutdown helper and once for the guard.
  for (const char* folder : {kShutdownFolder, kStateFolder}) {
    WarnOfFailure(ReplaceFile(SilenceLimitPath(folder),
                              std::to_string(settings.give_up_seconds), 0644),
                  console);
  }
}

void FitRuntimeToRoot(const Connection& connection, const RootInit& init,
                      Children& children, Console& console) {
  if (init.kind == InitKind::kSystemd) {
    WriteFiles(SystemdRuntimeFiles(connection), console);
    WarnOfFailure(LinkCommitUnit(), console);
    if (HasJournal()) WriteFiles({JournalFlushSettings()}, console);
  } else {
    WriteFiles(OtherInitRuntimeFiles(children.Running()), console);
  }
  WarnOfFailure(FillResolver(connection.lease), console);
}

Error EnterNewRoot(const RootInit& init, std::span<char*> arguments,
                   const UniqueFd& guard, Children& children,
                   Console& console) {
  const std::vector<pid_t> ours = children.Running();
  Status status = MoveMounts();
  if (status) status = ChangeRoot();
  if (!status) return status.error();

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Comes from the kernel's command line, if at all: this is no container.
  unsetenv("container");
  if (init.kind == InitKind::kSystemd) {
    // Otherwise systemd looks for /etc/initrd-release at shutdown, when nobody
    // may be awake to answer.
    setenv("SYSTEMD_IN_INITRD", "0", 1);
  } else {
    WarnOfFailure(EnterCallFilter(guard, ours), console);
  }
  std::vector<char*> argv = {const_cast<char*>(init.path.c_str())};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.push_back(nullptr);
  execv(init.path.c_str(), argv.data());
  return Error::FromErrno(errno, "cannot execute " + init.path);
}

}  // namespace driveroot
