// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/mount_daemon.h"

#include <glog/logging.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "driveroot/base/json_writer.h"
#include "driveroot/cli/kernel_log_sink.h"
#include "driveroot/cli/status_report.h"
#include "driveroot/control/control_server.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/request_counts.h"
#include "driveroot/fuse/survival.h"
#include "driveroot/transfer/export.h"
#include "driveroot/transfer/tree.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

std::string TextLine(const char* key, std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  PutMember(writer, key, text);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

constexpr std::string_view kSavePrefix = "save ";

// How soon a daemon that ends stops waiting for signals.
constexpr timespec kSignalPoll = {.tv_sec = 0, .tv_nsec = 200'000'000};

// A boot is over when nothing new was read for so long.
constexpr std::chrono::seconds kBootIdle(20);
constexpr std::chrono::milliseconds kBootPoll(500);

// The kernel ends the session right after the last use of the mount.
constexpr std::chrono::seconds kUnmountTime(2);

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&signals, number);
  }
  return signals;
}

// Before any thread, so that all inherit it.
void BlockEndingSignals() {
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

// Everything that lives as long as the mount.
class MountDaemon {
 public:
  explicit MountDaemon(const DaemonOptions& options) : options_(options) {}

  Status Mount(StatusLine& status);
  Status ServeUntilUnmounted();

 private:
  Status OpenVolume(StatusLine& status);
  Result<std::string> Handle(std::string_view command,
                             const ControlServer::ProgressSink& progress);
  std::string StatusMember() const;
  Result<std::string> Save(const std::string& path,
                           const ControlServer::ProgressSink& progress);
  Status SyncAtEnd(const ProgressCallback& show);
  Status UnmountAndWait(const ControlServer::ProgressSink& progress);
  void UnmountOnSignal(const std::stop_token& stop);
  void WatchBoot(const std::stop_token& stop);
  void KeepBootTrace();
  void OptimizeBoot();

  const DaemonOptions& options_;
  std::shared_ptr<DriveClient> drive_;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<FuseSession> session_;
  std::unique_ptr<Waker> waker_;
  // Set when the volume is closed: what `unmount` waits for.
  std::promise<Status> closed_;
  std::shared_future<Status> closed_future_ = closed_.get_future().share();
  // After all that its commands use.
  std::unique_ptr<ControlServer> control_;
};

Status MountDaemon::OpenVolume(StatusLine& status) {
  // Where a person waits, what is wrong must show instead of being waited out.
  DRIVEROOT_ASSIGN_OR_RETURN(
      OpenedStore opened,
      OpenStore(options_.volume,
                options_.is_root ? Patience::kForEver : Patience::kCommand,
                [&] {
                  if (options_.await_network) status.AwaitShutdown();
                  status.Progress("opening " + options_.volume.ToString());
                }));
  drive_ = std::move(opened.drive);
  VolumeOptions volume_options = options_.volume_options;
  // A machine that boots has better things to wait for.
  volume_options.open_in_background = options_.is_root;
  volume_options.is_boot = options_.is_boot;
  DRIVEROOT_ASSIGN_OR_RETURN(
      volume_, Volume::Open(std::move(opened.store), volume_options));
  // What recovery needed for a moment, as much again as what stays, goes back
  // to the system.
  malloc_trim(0);
  if (drive_ != nullptr) drive_->GoOnForEver();
  if (options_.is_boot) volume_->StartBootTrace();
  return {};
}

Status MountDaemon::Mount(StatusLine& status) {
  // Opening takes the volume from whoever had it: not for nothing.
  DRIVEROOT_RETURN_IF_ERROR(FuseSession::Check(options_.mount));
  DRIVEROOT_RETURN_IF_ERROR(OpenVolume(status));
  file_system_ = std::make_unique<FileSystem>(volume_.get());
  if (options_.is_root) file_system_->HideInRoot({".dockerenv"});
  DRIVEROOT_ASSIGN_OR_RETURN(
      session_, FuseSession::Mount(file_system_.get(), options_.mount));
  if (options_.is_root) {
    DRIVEROOT_ASSIGN_OR_RETURN(waker_, Waker::Start(session_->fd()));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(
      control_,
      ControlServer::Start(session_->device(),
                           [this](std::string_view command,
                                  const ControlServer::ProgressSink& progress) {
                             return Handle(command, progress);
                           }));
  return {};
}

Status MountDaemon::ServeUntilUnmounted() {
  std::jthread signals;
  if (!options_.is_root) {
    signals = std::jthread(
        [this](const std::stop_token& stop) { UnmountOnSignal(stop); });
  }
  std::jthread boot;
  if (options_.is_boot) {
    boot =
        std::jthread([this](const std::stop_token& stop) { WatchBoot(stop); });
  }
  session_->Wait();
  control_->StopAccepting();
  if (boot.joinable()) {
    boot.request_stop();
    boot.join();
    KeepBootTrace();
  }
  LOG(INFO) << "the mount is gone; saving what is left";
  // Takes along access times that no change has carried yet. When that fails so
  // does Close, which says it again.
  if (const Status synced = file_system_->Sync(); !synced) {
    LOG(WARNING) << synced.error();
  }
  const Status closed = volume_->Close();
  closed_.set_value(closed);
  if (signals.joinable()) signals.request_stop();
  return closed;
}

void MountDaemon::UnmountOnSignal(const std::stop_token& stop) {
  const sigset_t signals = EndingSignals();
  while (!stop.stop_requested()) {
    if (sigtimedwait(&signals, nullptr, &kSignalPoll) < 0) continue;
    if (const Status status = session_->Unmount(/*detach=*/true); !status) {
      LOG(WARNING) << status.error();
    }
  }
}

void MountDaemon::WatchBoot(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto idle = volume_->BootTraceIdle();
    if (!idle) return;
    if (*idle >= kBootIdle) {
      KeepBootTrace();
      OptimizeBoot();
      return;
    }
    std::this_thread::sleep_for(kBootPoll);
  }
}

// For the next boot only, so that no failure is worth more than a line.
void MountDaemon::KeepBootTrace() {
  const Result<bool> kept = volume_->KeepBootTrace();
  if (!kept) {
    LOG(WARNING) << "cannot keep what this boot read: " << kept.error();
  }
}

// What this boot read is in the cache still, but it is moved as it is stored.
void MountDaemon::OptimizeBoot() {
  const Result<CompactionResult> moved = volume_->OptimizeBoot();
  if (!moved) {
    LOG(WARNING) << "cannot put what this boot read side by side: "
                 << moved.error();
  }
}

std::string MountDaemon::StatusMember() const {
  std::optional<NetCounters> network;
  if (drive_ != nullptr) network = drive_->Counters();
  return "\"status\":" + StatusJson(options_.volume.ToString(),
                                    volume_->GetStatus(), network,
                                    RequestCounts());
}

Result<std::string> MountDaemon::Handle(
    std::string_view command, const ControlServer::ProgressSink& progress) {
  const ProgressCallback show = [&progress](const VolumeProgress& now) {
    progress(now.what, now.done, now.total);
  };
  if (command == "status") return StatusMember();
  // The machine may be off before anything else is asked.
  if ((command == "shutdown" || command == "close") && options_.is_boot) {
    KeepBootTrace();
  }
  if (command == "close") {
    DRIVEROOT_RETURN_IF_ERROR(file_system_->Sync(show));
    DRIVEROOT_RETURN_IF_ERROR(volume_->Close(show));
    return "";
  }
  if (command == "commit" || command == "shutdown") {
    DRIVEROOT_RETURN_IF_ERROR(file_system_->Sync(show));
    return "";
  }
  if (command.starts_with(kSavePrefix)) {
    return Save(std::string(command.substr(kSavePrefix.size())), progress);
  }
  if (command == "unmount" || command == "discard") {
    if (command == "unmount") DRIVEROOT_RETURN_IF_ERROR(SyncAtEnd(show));
    const Status unmounted = UnmountAndWait(progress);
    // Closing says once more what the caller knows by now.
    if (!unmounted && unmounted.error().code() != ErrorCode::kFenced) {
      return std::unexpected(unmounted.error());
    }
    return "";
  }
  return Fail(ErrorCode::kInvalidArgument,
              "the daemon knows no command \"" + std::string(command) + "\"");
}

// Like Sync, but a volume that was taken away and has lost nothing is in order.
Status MountDaemon::SyncAtEnd(const ProgressCallback& show) {
  const Status synced = file_system_->Sync(show);
  if (synced || synced.error().code() != ErrorCode::kFenced) return synced;
  if (volume_->UncommittedInodes().empty()) return {};
  return Fail(ErrorCode::kFenced,
              synced.error().message() +
                  ", and `driveroot unmount --discard` unmounts without it");
}

Result<std::string> MountDaemon::Save(
    const std::string& path, const ControlServer::ProgressSink& progress) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<TreeSink> sink,
                             OpenTreeSink(path));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ExportSummary summary,
      ExportInodes(*volume_, *sink, volume_->UncommittedInodes(),
                   [&progress](const TransferProgress& now) {
                     progress("saving", now.done, now.total);
                   }));
  return "\"entries\":" + std::to_string(summary.entries) +
         ",\"bytes\":" + std::to_string(summary.bytes);
}

Status MountDaemon::UnmountAndWait(
    const ControlServer::ProgressSink& progress) {
  // Whoever still works below the mount point hears of it, instead of having it
  // taken away: kBusy.
  DRIVEROOT_RETURN_IF_ERROR(session_->Unmount(/*detach=*/false));
  if (closed_future_.wait_for(kUnmountTime) == std::future_status::ready) {
    return closed_future_.get();
  }
  // Not gone yet: it is still saving, or containers that were started meanwhile
  // have the mount in namespaces of their own and keep it alive.
  const Status synced =
      file_system_->Sync([&progress](const VolumeProgress& now) {
        progress(now.what, now.done, now.total);
      });
  if (closed_future_.wait_for(kUnmountTime) == std::future_status::ready) {
    return closed_future_.get();
  }
  DRIVEROOT_RETURN_IF_ERROR(synced);
  progress("everything is saved; another mount namespace still uses the volume",
           0, 0);
  return {};
}

}  // namespace

void StatusLine::Progress(std::string_view text) {
  Write(TextLine("progress", text));
}

void StatusLine::AwaitShutdown() {
  char unused;
  while (fd_.valid()) {
    const ssize_t count = read(fd_.get(), &unused, 1);
    if (count == 0 || (count < 0 && errno != EINTR)) return;
  }
}

void StatusLine::Mounted() {
  Write("{\"mounted\":true}\n");
  fd_.Reset();
}

void StatusLine::Failed(const Error& error) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  PutMember(writer, "error", error.message());
  if (error.code() == ErrorCode::kBusy) PutMember(writer, "busy", true);
  writer.EndObject();
  Write(std::string(buffer.GetString(), buffer.GetSize()) + "\n");
}

void StatusLine::Write(std::string_view line) {
  while (fd_.valid() && !line.empty()) {
    const ssize_t count = write(fd_.get(), line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    // Nobody listens any more: that is no reason to stop serving.
    if (count <= 0) return;
    line.remove_prefix(static_cast<size_t>(count));
  }
}

Status RunMountDaemon(const DaemonOptions& options, StatusLine& status) {
  std::optional<KernelLogSink> console;
  if (IsKernelLog(STDERR_FILENO)) console.emplace(STDERR_FILENO);
  if (options.is_root) {
    PrepareToSurvive();
  } else {
    BlockEndingSignals();
  }
  MountDaemon daemon(options);
  if (const Status mounted = daemon.Mount(status); !mounted) {
    status.Failed(mounted.error());
    return mounted;
  }
  status.Mounted();
  return daemon.ServeUntilUnmounted();
}

}  // namespace driveroot
