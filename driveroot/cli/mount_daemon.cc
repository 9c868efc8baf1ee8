// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/mount_daemon.h"

#include <glog/logging.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/json_writer.h"
#include "driveroot/base/mountinfo.h"
#include "driveroot/cli/end_limit.h"
#include "driveroot/cli/history_point_text.h"
#include "driveroot/cli/kernel_log_sink.h"
#include "driveroot/cli/service_manager.h"
#include "driveroot/cli/status_report.h"
#include "driveroot/cli/system_log_sink.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/control/control_server.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/request_counts.h"
#include "driveroot/fuse/survival.h"
#include "driveroot/transfer/export.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/unsent/keeping_store.h"
#include "driveroot/volume/writer_identity.h"
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

// How soon a daemon that ends stops waiting for signals.
constexpr timespec kSignalPoll = {.tv_sec = 0, .tv_nsec = 200'000'000};

// What is to be discarded may still be stored, if that is a matter of moments.
constexpr std::chrono::seconds kDiscardTime(5);

// Between attempts of a daemon that can neither store nor keep what it has.
constexpr std::chrono::seconds kRetryPause(30);

// A boot is over when nothing new was read for so long.
constexpr std::chrono::seconds kBootIdle(20);
constexpr std::chrono::milliseconds kBootPoll(500);

// The kernel ends the session right after the last use of the mount, which
// writes back what is in its cache.
constexpr std::chrono::seconds kUnmountTime(3);
constexpr std::chrono::milliseconds kEndPoll(100);

// Whether the kernel still has the mount that a FUSE descriptor serves: one
// that was aborted, or is gone, is an error to poll(2).
bool IsConnected(int fuse_fd) {
  pollfd device = {.fd = fuse_fd, .events = 0, .revents = 0};
  return poll(&device, 1, 0) <= 0 || (device.revents & POLLERR) == 0;
}

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
  Result<std::string> Handle(const ControlRequest& request,
                             const ControlServer::ProgressSink& progress);
  std::string StatusMember() const;
  Result<std::string> Save(const std::string& path,
                           const ControlServer::ProgressSink& progress);
  Status SyncAtEnd(const ProgressCallback& show);
  // Waits until the mount is gone; false: it has to end with users.
  bool AwaitUnmount(std::future<void>& served);
  Status SyncAndClose();
  // " (reason)", or nothing.
  std::string WhyNot() const;
  Status CloseOrKeep();
  Result<std::string> AwaitEnd(bool discard, const ProgressCallback& show);
  void DetachMounts();
  void UnmountOnSignal(const std::stop_token& stop);
  void WatchBoot(const std::stop_token& stop);
  void KeepBootTrace();
  void OptimizeBoot();

  const DaemonOptions& options_;
  std::shared_ptr<DriveClient> drive_;
  KeepingStore* store_ = nullptr;  // the volume's
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<FuseSession> session_;
  std::unique_ptr<Waker> waker_;
  EndLimit limit_{options_.stop_timeout};
  // What is not stored is not wanted.
  std::atomic<bool> discard_ = false;
  std::atomic<bool> gone_ = false;  // the mount
  // Set when the volume is closed: what `unmount` waits for.
  std::promise<Status> closed_;
  std::shared_future<Status> closed_future_ = closed_.get_future().share();
  // After all that its commands use.
  std::unique_ptr<ControlServer> control_;
  std::future<Status> syncing_;  // since the first signal
  std::jthread boot_;
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
  if (!options_.unsent_dir.empty() && !options_.volume_options.read_only) {
    DRIVEROOT_RETURN_IF_ERROR(StoreUnsent(*opened.store, options_.unsent_dir,
                                          [&](const std::string& text) {
                                            LOG(WARNING) << text;
                                            status.Notice(text);
                                          }));
  }
  auto store = std::make_unique<KeepingStore>(std::move(opened.store));
  store_ = store.get();
  VolumeOptions volume_options = options_.volume_options;
  // A machine that boots has better things to wait for.
  volume_options.open_in_background = options_.is_root;
  volume_options.is_boot = options_.is_boot;
  DRIVEROOT_ASSIGN_OR_RETURN(volume_,
                             Volume::Open(std::move(store), volume_options));
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
      control_, ControlServer::Start(
                    session_->device(),
                    [this](const ControlRequest& request,
                           const ControlServer::ProgressSink& progress) {
                      return Handle(request, progress);
                    },
                    [this] { return IsConnected(session_->fd()); }));
  return {};
}

Status MountDaemon::ServeUntilUnmounted() {
  std::jthread signals;
  if (!options_.is_root) {
    signals = std::jthread(
        [this](const std::stop_token& stop) { UnmountOnSignal(stop); });
  }
  if (options_.is_boot) {
    boot_ =
        std::jthread([this](const std::stop_token& stop) { WatchBoot(stop); });
  }
  std::future<void> served =
      std::async(std::launch::async, [this] { session_->Wait(); });
  const bool unmounted = AwaitUnmount(served);
  gone_ = unmounted;
  control_->StopAccepting();
  LOG(INFO) << "the mount is gone; saving what is left";
  const Status closed = options_.is_root ? SyncAndClose() : CloseOrKeep();
  closed_.set_value(closed);
  if (signals.joinable()) signals.request_stop();
  if (unmounted) return closed;
  // The kernel lets go of the users when the process ends.
  if (!closed) LOG(ERROR) << closed.error().message();
  google::FlushLogFiles(google::GLOG_INFO);
  _exit(closed ? 0 : 1);
}

bool MountDaemon::AwaitUnmount(std::future<void>& served) {
  if (options_.is_root) {
    served.wait();
    return true;
  }
  // The time runs from the first signal on.
  if (limit_.Await(served)) return true;
  LOG(WARNING) << "the mount at " << options_.mount.mount_point
               << " is still in use, and ends all the same";
  return false;
}

Status MountDaemon::SyncAndClose() {
  if (boot_.joinable()) {
    boot_.request_stop();
    boot_.join();
    KeepBootTrace();
  }
  // Takes along access times that no change has carried yet. When that fails so
  // does Close, which says it again.
  if (const Status synced = file_system_->Sync(); !synced) {
    LOG(WARNING) << synced.error();
  }
  return volume_->Close();
}

std::string MountDaemon::WhyNot() const {
  std::string reason = volume_->GetStatus().last_error;
  if (reason.empty() && drive_ != nullptr) reason = drive_->RecentTrouble();
  return reason.empty() ? reason : " (" + reason + ")";
}

Status MountDaemon::CloseOrKeep() {
  const Unsent unsent{
      .volume = *volume_, .store = *store_, .drive = drive_.get()};
  std::future<Status> closing;
  while (true) {
    if (!closing.valid()) {
      closing =
          std::async(std::launch::async, [this] { return SyncAndClose(); });
    }
    limit_.Begin();
    if (discard_) limit_.Shorten(kDiscardTime);
    std::optional<Status> closed;
    if (limit_.Await(closing)) closed = closing.get();
    if (closed && *closed) return {};
    if (discard_ || volume_->UncommittedInodes().empty()) {
      GiveUp(unsent);
      return closed.value_or(Status());
    }
    const KeptUnsent kept = KeepUnsent(
        unsent, options_.unsent_dir,
        {.volume = options_.volume.ToString(),
         .mount_point = options_.mount.mount_point,
         .ended = FormatTime(NowNs()),
         .reason = closed ? closed->error().message()
                          : "the store did not take it in time" + WhyNot()},
        session_->device());
    if (kept.tried || limit_.signalled()) {
      if (!kept.tried) GiveUp(unsent);
      LOG(ERROR) << kept.message;
      return Fail(ErrorCode::kIo, kept.message);
    }
    LOG(ERROR) << kept.message << "; going on to wait for the store";
    limit_.Rest(kRetryPause);
  }
}

void MountDaemon::UnmountOnSignal(const std::stop_token& stop) {
  const sigset_t signals = EndingSignals();
  while (!stop.stop_requested()) {
    if (sigtimedwait(&signals, nullptr, &kSignalPoll) < 0) continue;
    limit_.Signal();
    if (limit_.is_over()) continue;
    // Begins while the mount is still in use.
    if (!syncing_.valid()) {
      syncing_ = std::async(std::launch::async,
                            [this] { return file_system_->Sync(); });
    }
    DetachMounts();
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
  VolumeStatus status = volume_->GetStatus();
  const ParkedStatus parked = session_->GetParkedStatus();
  status.waiting_requests = parked.requests;
  if (status.last_error.empty()) status.last_error = parked.read_error;
  return "\"status\":" + StatusJson(options_.volume.ToString(), status, network,
                                    RequestCounts());
}

Result<std::string> MountDaemon::Handle(
    const ControlRequest& request,
    const ControlServer::ProgressSink& progress) {
  const std::string& command = request.command;
  const ProgressCallback show = [this, &progress](const VolumeProgress& now) {
    // Why nothing moves is worth more than how much.
    const std::string trouble =
        drive_ == nullptr ? std::string() : drive_->RecentTrouble();
    progress(trouble.empty() ? now.what : "waiting: " + trouble, now.done,
             now.total);
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
  if (command == "save" && request.arguments.size() == 1) {
    return Save(request.arguments[0], progress);
  }
  if (command == "finish") {
    DRIVEROOT_RETURN_IF_ERROR(SyncAtEnd(show));
    return "";
  }
  if (command == "ended") {
    return AwaitEnd(request.arguments == std::vector<std::string>{"discard"},
                    show);
  }
  return Fail(ErrorCode::kInvalidArgument,
              "the daemon knows no command \"" + command +
                  "\" with so many arguments; is it of another version?");
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

Result<std::string> MountDaemon::AwaitEnd(bool discard,
                                          const ProgressCallback& show) {
  if (discard) discard_ = true;
  const auto give_up = std::chrono::steady_clock::now() + kUnmountTime;
  while (closed_future_.wait_for(kEndPoll) != std::future_status::ready) {
    if (gone_) {
      show({.what = "saving what is left", .done = 0, .total = 0});
    } else if (std::chrono::steady_clock::now() > give_up) {
      // A mount that lives on keeps everything.
      discard_ = false;
      return "\"in_use\":true";
    }
  }
  const Status closed = closed_future_.get();
  // Closing says once more what the caller knows by now.
  if (!closed && closed.error().code() != ErrorCode::kFenced && !discard) {
    return std::unexpected(closed.error());
  }
  return "";
}

// Its mounts in this namespace, wherever they were moved or bound to: at once
// for all to come, and at the end of use for those who use them.
void MountDaemon::DetachMounts() {
  const Result<std::vector<MountEntry>> mounts = ReadMountinfo();
  const std::string device = DeviceName(session_->device());
  std::set<std::string> covered;
  for (auto mount = mounts ? mounts->rbegin()
                           : std::vector<MountEntry>::const_reverse_iterator();
       mounts && mount != mounts->rend(); ++mount) {
    if (mount->device != device) {
      covered.insert(mount->target);
      continue;
    }
    const Status unmounted =
        covered.contains(mount->target)
            ? Fail(ErrorCode::kBusy,
                   "another file system is mounted over " + mount->target)
            : UnmountPath(mount->target, /*detach=*/true);
    if (!unmounted) LOG(WARNING) << unmounted.error();
  }
}

}  // namespace

void StatusLine::Progress(std::string_view text) {
  Write(TextLine("progress", text));
}

void StatusLine::Notice(std::string_view text) {
  Write(TextLine("notice", text));
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
  // Frames of all sizes come and go in the cache, and each arena of malloc
  // keeps what it cannot give back. With eight for each core, as by default,
  // that was up to twice the cache; two are as fast, since a thread needs one
  // for microseconds only, between decompressing and hashing.
  mallopt(M_ARENA_MAX, 2);
  std::optional<KernelLogSink> console;
  if (IsKernelLog(STDERR_FILENO)) console.emplace(STDERR_FILENO);
  std::optional<SystemLogSink> system_log;
  if (options.in_background) {
    system_log.emplace(kSystemLog, options.unsent_dir + "/log");
  }
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
  NotifyServiceManager("READY=1");
  return daemon.ServeUntilUnmounted();
}

}  // namespace driveroot
