// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/init/daemon_status.h"

namespace driveroot {
namespace {

constexpr char kDaemonPath[] = "/bin/driveroot";
constexpr char kCredentialsPath[] = "/etc/driveroot/credentials.json";
constexpr char kBundlePath[] = "/etc/ssl/ca.pem";
constexpr uint64_t kMaxBundleBytes = 16 << 20;

// A line without end is not kept for ever.
constexpr size_t kMaxStatusLine = 64 << 10;
constexpr int kPollMs = 100;
constexpr std::chrono::milliseconds kTick(20);
constexpr std::chrono::seconds kUnmountLimit(60);
constexpr size_t kLastLines = 5;

// Reads the status lines of one daemon until it has mounted or failed.
class StatusPipe {
 public:
  explicit StatusPipe(UniqueFd fd) : fd_(std::move(fd)) {}

  // Waits briefly; shows progress; false once the daemon has closed its end.
  bool Poll(Console& console) {
    pollfd readable = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, kPollMs) <= 0) {
      if (!progress_.empty()) console.Progress(progress_);
      return true;
    }
    std::array<char, 4096> bytes;
    const ssize_t count = read(fd_.get(), bytes.data(), bytes.size());
    if (count == 0 || (count < 0 && errno != EINTR)) return false;
    if (count > 0) buffer_.append(bytes.data(), static_cast<size_t>(count));
    TakeLines(console);
    if (buffer_.size() > kMaxStatusLine) buffer_.clear();
    return true;
  }

  bool is_mounted() const { return is_mounted_; }
  const std::string& error() const { return error_; }
  bool is_busy() const { return is_busy_; }

 private:
  void TakeLines(Console& console) {
    size_t end = 0;
    while ((end = buffer_.find('\n')) != buffer_.npos) {
      const Result<DaemonStatus> status =
          ParseDaemonStatus(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
      // Whatever else the daemon says shows in the log.
      if (!status) continue;
      if (const auto* progress = std::get_if<MountProgress>(&*status)) {
        progress_ = DescribeProgress(*progress);
        console.Progress(progress_);
      } else if (const auto* failed = std::get_if<MountFailed>(&*status)) {
        error_ = failed->message;
        is_busy_ = failed->is_busy;
      } else {
        is_mounted_ = true;
      }
    }
  }

  UniqueFd fd_;
  std::string buffer_;
  std::string progress_;
  bool is_mounted_ = false;
  bool is_busy_ = false;
  std::string error_;
};

std::string DescribeFailure(const StatusPipe& status, int wait_status,
                            KernelLogReader& log) {
  if (!status.error().empty()) return status.error();
  std::string text = "driveroot " + DescribeExit(wait_status);
  for (const std::string& line : log.TakeLastLines(kLastLines)) {
    text += "\n    " + line;
  }
  return text;
}

int WaitForExit(pid_t pid, Children& children) {
  while (true) {
    const std::optional<int> status = children.TakeExit(pid);
    if (status) return *status;
    std::this_thread::sleep_for(kTick);
  }
}

}  // namespace

std::vector<std::string> DaemonArguments(const Settings& settings) {
  std::vector<std::string> arguments = {
      "@driveroot",
      "mount",
      "--foreground",
      "--root",
      "--status_fd=3",
      "--await_network",
      "--fuse_device=/kfuse",
      std::string("--credentials=") + kCredentialsPath,
      std::string("--ca_file=") + kCaPath,
  };
  if (!settings.drive_endpoint.empty()) {
    arguments.push_back("--drive_endpoint=" + settings.drive_endpoint);
  }
  if (!settings.at.empty()) arguments.push_back("--at=" + settings.at);
  arguments.insert(arguments.end(), settings.options.begin(),
                   settings.options.end());
  arguments.push_back(settings.volume);
  arguments.push_back(kNewRoot);
  return arguments;
}

Status WriteDaemonFiles(const Settings& settings) {
  DRIVEROOT_RETURN_IF_ERROR(
      ReplaceFile(kCredentialsPath, settings.credentials_json, 0600));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bundle,
                             ReadFile(kBundlePath, kMaxBundleBytes));
  return ReplaceFile(kCaPath, bundle + settings.extra_ca_pem + '\n', 0644);
}

Result<MountingDaemon> MountingDaemon::Start(const Settings& settings,
                                             Children& children) {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a socket"));
  }
  MountingDaemon daemon(settings.volume, UniqueFd(ends[0]));
  const UniqueFd other_end(ends[1]);
  DRIVEROOT_ASSIGN_OR_RETURN(
      daemon.pid_, children.Start({.path = kDaemonPath,
                                   .arguments = DaemonArguments(settings),
                                   .status_fd = other_end.get()}));
  return daemon;
}

void MountingDaemon::NetworkIsUp() { shutdown(status_.get(), SHUT_WR); }

Result<pid_t> MountingDaemon::AwaitMount(Console& console, Children& children) {
  console.StartStep();
  console.Progress("mounting " + volume_);
  StatusPipe status(std::move(status_));
  while (status.Poll(console)) {
    if (status.is_mounted()) {
      console.Progress(volume_ + " is mounted");
      return pid_;
    }
  }
  // It has closed the descriptor without being ready: it is ending.
  const int wait_status = WaitForExit(pid_, children);
  umount2(kNewRoot, MNT_DETACH);
  return Fail(status.is_busy() ? ErrorCode::kBusy : ErrorCode::kUnavailable,
              DescribeFailure(status, wait_status, log_));
}

void UnmountNewRoot(pid_t daemon, Console& console, Children& children) {
  console.StartStep();
  umount2(kNewRoot, 0);
  const auto deadline = std::chrono::steady_clock::now() + kUnmountLimit;
  while (children.IsRunning(daemon)) {
    if (std::chrono::steady_clock::now() > deadline) {
      kill(daemon, SIGKILL);
      WaitForExit(daemon, children);
      umount2(kNewRoot, MNT_DETACH);
      return;
    }
    console.Progress("unmounting the volume");
    std::this_thread::sleep_for(kTick);
  }
}

}  // namespace driveroot
