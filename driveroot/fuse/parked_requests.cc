// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/parked_requests.h"

#include <glog/logging.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <unordered_map>
#include <utility>

#include "driveroot/fuse/current_operation.h"
#include "driveroot/fuse/ending_process.h"
#include "driveroot/fuse/reply.h"

namespace driveroot {
namespace {

constexpr size_t kPageBytes = 4096;

// How soon a process ends that gets a fatal signal after one with a handler,
// of which the kernel tells us no more.
constexpr std::chrono::milliseconds kWatchInterval{200};

// The wait before a read is tried again doubles up to kLongestRetry.
constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kLongestRetry{16000};

// What the network, the server or the user (`driveroot login`) repairs. A
// quota is one of downloads: reading takes no space.
bool PassesWithTime(ErrorCode code) {
  return code == ErrorCode::kUnavailable ||
         code == ErrorCode::kUnauthenticated || code == ErrorCode::kOutOfSpace;
}

enum class Kind : uint8_t { kSync, kWrite, kChange, kRead };

}  // namespace

struct ParkedRequests::Parked {
  uint64_t id = 0;
  Kind kind = Kind::kSync;
  fuse_req_t request = nullptr;
  std::string_view operation;  // for messages and the errors it may have
  pid_t thread = 0;            // that waits; 0: none, or not visible to us
  // Our thread's:
  bool accepted = false;  // it may be answered
  bool answered = false;
  bool interrupted = false;
  std::optional<Result<FileBytes>> early;  // that came before it was accepted

  SyncPoint point;  // of a sync

  std::string bytes;   // of a write
  TryWrite try_write;  // of a write or change

  InodeNumber number = kNoInode;  // of a read, as all below
  uint64_t offset = 0;
  uint64_t length = 0;
  AccessNote access = AccessNote::kRelative;
  Fetcher::Ticket ticket = 0;
  int failures = 0;
};

struct ParkedRequests::Inbox {
  struct Completion {
    ParkedPtr parked;
    Result<FileBytes> bytes;
  };

  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false;
  bool volume_changed = false;
  uint64_t last_id = 0;
  // All that are not answered, so that an interrupt finds its request, or
  // nothing.
  std::unordered_map<uint64_t, ParkedPtr> parked;
  std::vector<ParkedPtr> added;
  std::vector<Completion> completed;
  std::vector<uint64_t> interrupted;

  bool empty() const {
    return !stop && !volume_changed && added.empty() && completed.empty() &&
           interrupted.empty();
  }
  template <typename Function>
  void Leave(Function&& change) {
    {
      const std::lock_guard lock(mutex);
      change(*this);
    }
    changed.notify_one();
  }
};

ParkedRequests::ParkedRequests(FileSystem* file_system)
    : file_system_(file_system), inbox_(std::make_shared<Inbox>()) {
  file_system_->volume().SetListener([inbox = inbox_] {
    inbox->Leave([](Inbox& in) { in.volume_changed = true; });
  });
  thread_ = std::jthread([this] { Run(); });
}

ParkedRequests::~ParkedRequests() {
  file_system_->volume().SetListener(nullptr);
  inbox_->Leave([](Inbox& in) { in.stop = true; });
  thread_.join();
  const auto left = inbox_->parked;
  for (const auto& [id, parked] : left) GiveUp(parked);
}

void ParkedRequests::Sync(fuse_req_t request) {
  const Result<SyncPoint> point = file_system_->StartSync();
  if (!point) return ReplyError(request, point.error());
  if (const auto result = file_system_->volume().SyncResult(*point)) {
    return ReplyStatus(request, *result);
  }
  const auto parked = std::make_shared<Parked>();
  parked->kind = Kind::kSync;
  parked->request = request;
  parked->point = *point;
  Add(parked);
}

void ParkedRequests::Read(fuse_req_t request, InodeNumber number,
                          uint64_t offset, uint64_t length, AccessNote access) {
  const auto parked = std::make_shared<Parked>();
  parked->kind = Kind::kRead;
  parked->request = request;
  parked->number = number;
  parked->offset = offset;
  parked->length = length;
  parked->access = access;
  const auto bytes = StartRead(parked);
  if (!bytes) return Add(parked);
  if (*bytes) return ReplyPieces(request, **bytes);
  ReplyError(request, bytes->error());
}

void ParkedRequests::Write(fuse_req_t request, std::string_view bytes,
                           bool may_be_cut, TryWrite try_write) {
  // Those who came before go first.
  if (waiting_writes_ == 0 && try_write(request, bytes)) return;
  const uint64_t held = write_bytes_.fetch_add(bytes.size()) + bytes.size();
  if (may_be_cut && held > kMaxParkedBytes && bytes.size() > kPageBytes) {
    write_bytes_ -= bytes.size() - kPageBytes;
    bytes = bytes.substr(0, kPageBytes);
  }
  const auto parked = std::make_shared<Parked>();
  parked->kind = Kind::kWrite;
  parked->request = request;
  parked->bytes = bytes;
  parked->try_write = std::move(try_write);
  ++waiting_writes_;
  Add(parked);
}

bool ParkedRequests::ParkChange(fuse_req_t request) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    no_room_ = true;
    return true;
  }
  std::function<void()> repeat = RepetitionOfCurrentOperation();
  if (repeat == nullptr) return false;
  const auto parked = std::make_shared<Parked>();
  parked->kind = Kind::kChange;
  parked->request = request;
  parked->try_write = [this, repeat = std::move(repeat)](fuse_req_t,
                                                         std::string_view) {
    no_room_ = false;
    repeat();
    return !no_room_;
  };
  Add(parked);
  return true;
}

std::optional<Result<FileBytes>> ParkedRequests::StartRead(
    const ParkedPtr& parked) {
  return file_system_->StartRead(
      parked->number, parked->offset, parked->length, parked->access,
      [inbox = inbox_, parked](Result<FileBytes> bytes) {
        inbox->Leave([&](Inbox& in) {
          in.completed.push_back({parked, std::move(bytes)});
        });
      },
      &parked->ticket);
}

// The request may be answered, and so be gone, as soon as our thread knows of
// it; an interrupt may come as soon as libfuse knows where to send it, and
// waits in the inbox until then.
void ParkedRequests::Add(const ParkedPtr& parked) {
  fuse_req_t request = parked->request;
  parked->operation = CurrentOperation();
  parked->thread = fuse_req_ctx(request)->pid;
  inbox_->Leave([&](Inbox& in) {
    parked->id = ++in.last_id;
    in.parked.emplace(parked->id, parked);
  });
  fuse_req_interrupt_func(request, OnInterrupt,
                          reinterpret_cast<void*>(parked->id));
  inbox_->Leave([&](Inbox& in) {
    in.added.push_back(parked);
    // What it waits for may have happened meanwhile.
    in.volume_changed = true;
  });
}

void ParkedRequests::OnInterrupt(fuse_req_t request, void* id) {
  ParkedRequestsOf(request).inbox_->Leave([id](Inbox& in) {
    in.interrupted.push_back(reinterpret_cast<uint64_t>(id));
  });
}

void ParkedRequests::Run() {
  while (true) {
    std::vector<ParkedPtr> added;
    std::vector<Inbox::Completion> completed;
    std::vector<uint64_t> interrupted;
    bool volume_changed = false;
    {
      std::unique_lock lock(inbox_->mutex);
      inbox_->changed.wait_until(lock, NextDeadline(),
                                 [&] { return !inbox_->empty(); });
      if (inbox_->stop) return;
      added.swap(inbox_->added);
      completed.swap(inbox_->completed);
      interrupted.swap(inbox_->interrupted);
      volume_changed = std::exchange(inbox_->volume_changed, false);
    }
    for (const ParkedPtr& parked : added) Accept(parked);
    for (Inbox::Completion& each : completed) {
      CompleteRead(each.parked, std::move(each.bytes));
    }
    Examine(interrupted);
    if (volume_changed) {
      ResumeSyncs();
      ResumeChanges(writes_);
      ResumeChanges(changes_);
    }
    const Clock::time_point now = Clock::now();
    RetryReads(now);
    if (!watched_.empty() && now >= next_look_) {
      Examine(std::exchange(watched_, {}));
    }
  }
}

ParkedRequests::Clock::time_point ParkedRequests::NextDeadline() const {
  // Far away, but not so far that a clock overflows.
  Clock::time_point next = Clock::now() + std::chrono::hours(24);
  if (!retries_.empty()) next = std::min(next, retries_.begin()->first);
  if (!watched_.empty()) next = std::min(next, next_look_);
  return next;
}

void ParkedRequests::Accept(const ParkedPtr& parked) {
  parked->accepted = true;
  if (parked->kind == Kind::kSync) syncs_.emplace(parked->id, parked);
  if (parked->kind == Kind::kWrite) writes_.emplace(parked->id, parked);
  if (parked->kind == Kind::kChange) changes_.emplace(parked->id, parked);
  if (parked->early) CompleteRead(parked, *std::exchange(parked->early, {}));
  if (parked->interrupted && !parked->answered) Examine({parked->id});
}

void ParkedRequests::Remove(const ParkedPtr& parked) {
  parked->answered = true;
  if (parked->kind == Kind::kSync) syncs_.erase(parked->id);
  if (parked->kind == Kind::kChange) changes_.erase(parked->id);
  if (parked->kind == Kind::kWrite) {
    writes_.erase(parked->id);
    --waiting_writes_;
    write_bytes_ -= parked->bytes.size();
  }
  const std::lock_guard lock(inbox_->mutex);
  inbox_->parked.erase(parked->id);
}

void ParkedRequests::GiveUp(const ParkedPtr& parked) {
  Remove(parked);
  if (parked->kind == Kind::kRead) file_system_->CancelRead(parked->ticket);
  fuse_reply_err(parked->request, EINTR);
}

void ParkedRequests::ResumeSyncs() {
  for (auto next = syncs_.begin(); next != syncs_.end();) {
    const ParkedPtr parked = next->second;
    ++next;
    const auto result = file_system_->volume().SyncResult(parked->point);
    if (!result) continue;
    Remove(parked);
    const OperationScope scope(parked->operation);
    ReplyStatus(parked->request, *result);
  }
}

void ParkedRequests::ResumeChanges(std::map<uint64_t, ParkedPtr>& changes) {
  while (!changes.empty()) {
    const ParkedPtr parked = changes.begin()->second;
    const OperationScope scope(parked->operation);
    // While it is tried an interrupt waits in the inbox.
    if (!parked->try_write(parked->request, parked->bytes)) return;
    Remove(parked);
  }
}

void ParkedRequests::CompleteRead(const ParkedPtr& parked,
                                  Result<FileBytes> bytes) {
  if (parked->answered) return;
  if (!parked->accepted) {
    parked->early.emplace(std::move(bytes));
    return;
  }
  if (!bytes && PassesWithTime(bytes.error().code())) {
    NoteReadError(bytes.error().message());
    const auto delay = std::min(
        kFirstRetry * (1 << std::min(parked->failures, 10)), kLongestRetry);
    ++parked->failures;
    retries_.emplace(Clock::now() + delay, parked);
    return;
  }
  Remove(parked);
  const OperationScope scope(parked->operation);
  if (!bytes) return ReplyError(parked->request, bytes.error());
  NoteReadError("");
  ReplyPieces(parked->request, *bytes);
}

void ParkedRequests::RetryReads(Clock::time_point now) {
  while (!retries_.empty() && retries_.begin()->first <= now) {
    const ParkedPtr parked = retries_.begin()->second;
    retries_.erase(retries_.begin());
    if (parked->answered) continue;
    if (auto bytes = StartRead(parked)) {
      CompleteRead(parked, *std::move(bytes));
    }
  }
}

void ParkedRequests::Examine(const std::vector<uint64_t>& ids) {
  for (const uint64_t id : ids) {
    ParkedPtr parked;
    {
      const std::lock_guard lock(inbox_->mutex);
      const auto found = inbox_->parked.find(id);
      if (found == inbox_->parked.end()) continue;
      parked = found->second;
    }
    parked->interrupted = true;
    if (!parked->accepted) continue;
    if (IsEnding(parked->thread)) {
      GiveUp(parked);
      continue;
    }
    if (watched_.empty()) next_look_ = Clock::now() + kWatchInterval;
    watched_.push_back(id);
  }
}

void ParkedRequests::NoteReadError(const std::string& message) {
  const std::lock_guard lock(error_mutex_);
  if (read_error_ == message) return;
  if (!message.empty()) {
    LOG(WARNING) << "cannot read from the store for now; whoever needs it "
                    "waits: "
                 << message;
  } else {
    LOG(INFO) << "the store can be read again";
  }
  read_error_ = message;
}

ParkedStatus ParkedRequests::GetStatus() const {
  ParkedStatus status;
  {
    const std::lock_guard lock(inbox_->mutex);
    status.requests = inbox_->parked.size();
  }
  status.write_bytes = write_bytes_;
  const std::lock_guard lock(error_mutex_);
  status.read_error = read_error_;
  return status;
}

}  // namespace driveroot
