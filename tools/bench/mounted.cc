// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/mounted.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "driveroot/base/unique_fd.h"
#include "tools/bench/stopwatch.h"

namespace driveroot::bench {
namespace {

using vmtest::Process;
using vmtest::ProcessOptions;

constexpr std::chrono::seconds kMountLimit(120);
constexpr std::chrono::minutes kUnmountLimit(10);
constexpr std::chrono::milliseconds kPoll(5);

Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return std::unexpected(
      Error::FromErrno(error.value(), "cannot create " + folder));
}

// The number of the file system that a folder lies on.
Result<dev_t> DeviceOf(const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) == 0) return status.st_dev;
  return std::unexpected(Error::FromErrno(errno, "cannot look at " + folder));
}

// Reads the status lines of `driveroot mount` until it is mounted.
Status AwaitMounted(int fd) {
  std::string lines;
  char buffer[4096];
  while (lines.find("\"mounted\"") == std::string::npos) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return Fail(ErrorCode::kIo, "driveroot mount has failed: " + lines);
    }
    lines.append(buffer, static_cast<size_t>(count));
  }
  return {};
}

}  // namespace

Result<Mounted> Mounted::Volume(const vmtest::PrivateDrive& drive,
                                const std::string& volume,
                                const std::string& folder,
                                const std::vector<std::string>& flags) {
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(folder));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  }
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  ProcessOptions options;
  // In the foreground, so that it ends with this process.
  options.arguments =
      drive.Arguments("mount", {"--foreground", "--status_fd=1"});
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  options.arguments.insert(options.arguments.end(), {volume, folder});
  options.standard_output = out.get();
  const Stopwatch watch;
  DRIVEROOT_ASSIGN_OR_RETURN(Process process, Process::Start(options));
  out.Reset();
  DRIVEROOT_RETURN_IF_ERROR(AwaitMounted(in.get()));
  return Mounted(std::move(process), folder, watch.Seconds());
}

Result<Mounted> Mounted::By(const ProcessOptions& program,
                            const std::string& folder) {
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(folder));
  DRIVEROOT_ASSIGN_OR_RETURN(const dev_t before, DeviceOf(folder));
  const Stopwatch watch;
  DRIVEROOT_ASSIGN_OR_RETURN(Process process, Process::Start(program));
  Mounted mounted(std::move(process), folder, 0);
  const auto deadline = std::chrono::steady_clock::now() + kMountLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    DRIVEROOT_ASSIGN_OR_RETURN(const dev_t now, DeviceOf(folder));
    if (now != before) {
      mounted.seconds_ = watch.Seconds();
      return mounted;
    }
    if (mounted.process_.Wait(kPoll)) break;
  }
  return Fail(ErrorCode::kIo, program.arguments[0] + " mounts nothing");
}

Mounted::~Mounted() { (void)Unmount(); }

Status Mounted::Unmount() {
  if (folder_.empty()) return {};
  const std::string folder = std::exchange(folder_, "");
  DRIVEROOT_ASSIGN_OR_RETURN(const dev_t mounted, DeviceOf(folder));
  process_.Signal(SIGTERM);
  // Its code does not matter: rclone's is that of a program that was killed.
  if (process_.Wait(kUnmountLimit)) {
    DRIVEROOT_ASSIGN_OR_RETURN(const dev_t now, DeviceOf(folder));
    if (now != mounted) return {};
  }
  return Fail(ErrorCode::kIo, folder + " cannot be unmounted");
}

}  // namespace driveroot::bench
