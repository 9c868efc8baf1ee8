// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include "driveroot/base/machine_memory.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/cli/commands.h"
#include "driveroot/cli/history_point_text.h"
#include "driveroot/cli/mount_daemon.h"
#include "driveroot/cli/retention_flags.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/volume/writer_identity.h"
#include "rapidjson/document.h"

DEFINE_bool(foreground, false, "serve in this process instead of a daemon");
DEFINE_bool(root, false,
            "serve a machine's root file system: outlive everything else");
DEFINE_bool(boot, false,
            "this mount is a machine's boot: fetch in advance what the last "
            "one read, and note what this one reads; --root implies it");
DEFINE_bool(read_only, false, "change nothing");
DEFINE_int32(status_fd, -1, "descriptor to tell the progress to, as JSON");
DEFINE_bool(await_network, false,
            "begin with what needs the network when the other side of "
            "--status_fd, a socket, is shut down for writing");
DEFINE_string(fuse_device, "/dev/fuse", "the FUSE device to open");
DEFINE_bool(log_requests, false, "log each request of the kernel (slow)");
DEFINE_uint64(commit_interval_ms, 5000,
              "an operation is durable after this time at the latest");
DEFINE_string(fsync, "durable",
              "what fsync does: \"durable\", it returns when everything "
              "before it is on the store; or \"ordered\", it returns at once, "
              "and a crash may take the last commit interval, never less of "
              "what was done later than of what was done before");
DEFINE_uint64(
    cache_mb, 256,
    "memory for file data that was read, in MB; the mount takes up to "
    "128 MB more while it reads and 450 MB more while much is written, "
    "besides what the tree's names and attributes take");

DEFINE_uint64(metadata_mb, 0,
              "memory for the metadata of all files (about 400 bytes each), in "
              "MB: when it is used up nothing more can be made (ENOSPC) until "
              "something is removed; 0: a sixth of the machine's");

DEFINE_uint64(gc_seconds, 60,
              "a volume that was idle for so long deletes what is no longer "
              "needed; 0: never");
DEFINE_uint64(stop_timeout, 60,
              "how long, in seconds, a mount that ends waits for the store: "
              "after a signal also for those who use the mount. What is not "
              "stored then is kept in --unsent_dir. A second signal ends the "
              "wait. A service manager should wait longer (TimeoutStopSec= of "
              "systemd; with Type=notify it is told)");
DEFINE_string(
    at, "",
    "mount the volume as it was at this point of its past, "
    "read-only: the number of a record, or a time like "
    "2026-03-01T12:30:00Z or 2h for so long ago; see `driveroot log`");

DEFINE_string(
    writer_id, "",
    "who writes, the same after each boot of this machine and no other one's: "
    "by it a machine takes its volume up again after a power cut; default: a "
    "random one that is kept in /var/lib/driveroot, or the user's state "
    "folder; "
    "with --root what the firmware says (SMBIOS UUID)");

DECLARE_bool(steal);
DECLARE_string(ca_file);
DECLARE_string(credentials);
DECLARE_string(unsent_dir);

namespace driveroot {
namespace {

// A checkpoint takes as much again for a moment, and half of that.
constexpr uint64_t kShareForMetadata = 6;
constexpr uint64_t kMinMetadataBytes = 64 << 20;

Result<DaemonOptions> OptionsFromFlags(const VolumeName& name,
                                       const std::string& dir) {
  DaemonOptions options;
  options.volume = name;
  options.is_root = FLAGS_root;
  options.is_boot = FLAGS_boot || FLAGS_root;
  options.await_network = FLAGS_await_network;
  options.mount.mount_point = dir;
  options.mount.fuse_device = FLAGS_fuse_device;
  options.mount.read_only = FLAGS_read_only || !FLAGS_at.empty();
  options.mount.log_requests = FLAGS_log_requests;
  if (FLAGS_log_requests) FLAGS_minloglevel = google::GLOG_INFO;
  options.volume_options.read_only = options.mount.read_only;
  if (!FLAGS_at.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(options.volume_options.at,
                               ParseHistoryPoint(FLAGS_at, NowNs()));
  }
  if (FLAGS_fsync != "durable" && FLAGS_fsync != "ordered") {
    return Fail(ErrorCode::kInvalidArgument,
                "--fsync is durable or ordered, not \"" + FLAGS_fsync + "\"");
  }
  options.mount.fsync_waits = FLAGS_fsync == "durable";
  options.volume_options.steal = FLAGS_steal;
  options.volume_options.writer_id = FLAGS_writer_id;
  // A machine's root cannot hold what is needed to open it.
  if (FLAGS_root && FLAGS_writer_id.empty()) {
    options.volume_options.writer_id = HardwareWriterId();
  }
  options.volume_options.commit_interval =
      std::chrono::milliseconds(FLAGS_commit_interval_ms);
  options.volume_options.garbage_interval =
      std::chrono::seconds(FLAGS_gc_seconds);
  options.volume_options.retention = RetentionFromFlags();
  options.volume_options.cache_bytes = FLAGS_cache_mb * 1'000'000;
  options.volume_options.metadata_bytes =
      FLAGS_metadata_mb > 0
          ? FLAGS_metadata_mb * 1'000'000
          : std::max(MachineMemory() / kShareForMetadata, kMinMetadataBytes);
  options.stop_timeout = std::chrono::seconds(FLAGS_stop_timeout);
  options.in_background = !FLAGS_foreground;
  if (!FLAGS_root) options.unsent_dir = UnsentBaseFromFlags().value_or("");
  return options;
}

// Leaves the terminal and the folder that it was started in alone.
void Detach() {
  setsid();
  (void)!chdir("/");
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(null, fd);
  }
  if (null > STDERR_FILENO) close(null);
}

// Reads a daemon's status lines until it is mounted or has failed.
Status AwaitMount(int fd) {
  std::string buffer;
  char bytes[4096];
  while (true) {
    const ssize_t count = read(fd, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return Fail(ErrorCode::kInternal, "the daemon ended without a word");
    }
    buffer.append(bytes, static_cast<size_t>(count));
    size_t end;
    while ((end = buffer.find('\n')) != std::string::npos) {
      rapidjson::Document line;
      line.Parse(buffer.data(), end);
      buffer.erase(0, end + 1);
      if (!line.IsObject()) continue;
      if (line.HasMember("mounted")) return {};
      if (line.HasMember("notice") && line["notice"].IsString()) {
        std::cerr << "driveroot mount: " << line["notice"].GetString()
                  << std::endl;
      }
      if (line.HasMember("error") && line["error"].IsString()) {
        return Fail(ErrorCode::kIo, line["error"].GetString());
      }
    }
  }
}

Status MountInBackground(const DaemonOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  }
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  // Before there is any thread.
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(Error::FromErrno(errno, "cannot fork"));
  if (pid == 0) {
    in.Reset();
    Detach();
    StatusLine status(std::move(out));
    _exit(RunMountDaemon(options, status) ? 0 : 1);
  }
  out.Reset();
  return AwaitMount(in.get());
}

Status MountVolume(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(VolumeName name, ParseVolumeName(arguments[0]));
  std::error_code error;
  const std::filesystem::path dir =
      std::filesystem::absolute(arguments[1], error);
  // The daemon leaves the folder it was started in.
  if (name.kind == VolumeName::Kind::kDir) {
    name.rest = std::filesystem::absolute(name.rest, error);
  }
  for (std::string* const file : {&FLAGS_credentials, &FLAGS_ca_file}) {
    if (!file->empty()) *file = std::filesystem::absolute(*file, error);
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const DaemonOptions options,
                             OptionsFromFlags(name, dir));
  if (!FLAGS_foreground) return MountInBackground(options);
  StatusLine status{UniqueFd(FLAGS_status_fd)};
  return RunMountDaemon(options, status);
}

}  // namespace

Command MountCommand() {
  return {
      .name = "mount",
      .arguments = "VOLUME DIR",
      .summary = "mount a volume; returns when it is mounted",
      .details =
          "What cannot be stored when the mount ends is kept on this "
          "machine, and the next mount of the volume stores it: `driveroot "
          "help unsent`.",
      .min_arguments = 2,
      .max_arguments = 2,
      .flags = WithDriveFlags(
          {"foreground",         "read_only",    "at",          "steal",
           "commit_interval_ms", "cache_mb",     "metadata_mb", "fsync",
           "gc_seconds",         "keep_hours",   "keep_days",   "keep_percent",
           "writer_id",          "root",         "boot",        "stop_timeout",
           "unsent_dir",         "log_requests", "status_fd",   "await_network",
           "fuse_device"}),
      .run = MountVolume};
}

}  // namespace driveroot
