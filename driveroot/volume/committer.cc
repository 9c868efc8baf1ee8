// SPDX-License-Identifier: Apache-2.0
//
// The committer's thread and what others wait for. Transactions and
// checkpoints are in committer_transaction.cc.
#include "driveroot/volume/committer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "driveroot/volume/leftovers.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/writer_identity.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// The wait before a call is repeated doubles up to this many times the first.
constexpr int kMaxRetryFactor = 64;

// How often a caller who waits is told how far things are.
constexpr std::chrono::milliseconds kProgressInterval{200};

// Repeating these is of no use. All else passes, or a person can mend it.
bool IsFinal(ErrorCode code) {
  return code == ErrorCode::kAlreadyExists || code == ErrorCode::kFenced ||
         code == ErrorCode::kCancelled;
}

// What a program that waits for the store is not told, since the network, the
// server or the user (`driveroot login`) mends it.
bool PassesWithTime(ErrorCode code) {
  return code == ErrorCode::kUnavailable ||
         code == ErrorCode::kUnauthenticated ||
         code == ErrorCode::kPermissionDenied;
}

}  // namespace

Committer::Committer(ObjectStore& store, Metadata& metadata,
                     std::shared_mutex& mutex, FrameCache& cache,
                     const VolumeOptions& options, const WriterIdentity& writer,
                     RecoveredLog log)
    : store_(store),
      metadata_(metadata),
      mutex_(mutex),
      cache_(cache),
      options_(options),
      writer_(writer),
      persist_([this](const auto& call) { return Repeat(call); }),
      ids_(store, persist_),
      data_({.store = store,
             .metadata = metadata,
             .mutex = mutex,
             .cache = cache,
             .ids = ids_,
             .persist = [this](const auto& call) { return RepeatOrKeep(call); },
             .stored =
                 [this] {
                   NoteChange();
                   // Under the lock, or a writer that is about to wait for room
                   // would miss it.
                   const std::lock_guard lock(state_mutex_);
                   Announce();
                 },
             .segment_bytes = options.segment_bytes,
             .compression = options.compression}),
      position_(std::move(log.position)),
      is_new_(log.is_new),
      records_since_checkpoint_(log.records),
      record_bytes_since_checkpoint_(log.record_bytes),
      checkpoint_size_(log.superblock.checkpoint.size),
      last_append_(TimeSinceBoot()),
      epoch_(position_.last.epoch),
      last_record_(position_.last.sequence),
      checkpoint_record_(log.superblock.checkpoint.sequence) {
  if (is_new_) return;
  next_ids_.assign(position_.last.next_ids.begin(),
                   position_.last.next_ids.end());
}

void Committer::Stop() {
  {
    const std::lock_guard lock(state_mutex_);
    stop_ = true;
  }
  Announce();
}

Status Committer::Start() {
  // Only the first of the ids is binding, and the others belong to who named
  // them, unless he is done. Then they are for records alone, of which none is
  // written before the open record is there: whoever else opens the volume at
  // this moment has the same ids.
  const bool was_closed = !is_new_ && position_.last.type == RecordType::kClose;
  if (!is_new_) {
    if (!was_closed) next_ids_.resize(1);
    if (options_.open_in_background) {
      const std::lock_guard lock(state_mutex_);
      started_ = true;
    }
    const Status opened = Commit(RecordType::kOpen);
    if (!opened) {
      if (opened.error().code() != ErrorCode::kFenced) return opened;
      return Fail(
          ErrorCode::kBusy,
          "another writer opened the volume at the same time; try again");
    }
  }
  {
    const std::lock_guard lock(state_mutex_);
    started_ = true;
  }
  thread_ = std::jthread([this] { Run(); });
  if (options_.adopt_leftovers && !was_closed) return AdoptLeftovers();
  return {};
}

Status Committer::AdoptLeftovers() {
  std::set<ObjectId> known;
  {
    const std::shared_lock lock(mutex_);
    for (const ObjectNumber number : metadata_.AllObjects()) {
      known.insert(metadata_.FindObject(number)->id);
    }
    for (const auto& [number, object] : metadata_.dead_objects()) {
      known.insert(object.id);
    }
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Leftover> leftovers,
                             FindLeftovers(store_, known));
  for (const Leftover& leftover : leftovers) {
    data_.Adopt(leftover.object, leftover.frames);
  }
  return {};
}

void Committer::Run() {
  while (RunTask()) {
  }
  const std::lock_guard lock(state_mutex_);
  ended_ = true;
  Announce();
}

bool Committer::RunTask() {
  const Task task = NextTask();
  if (task == Task::kStop) return false;
  Status status = Do(task);
  Announce();
  if (!status && status.error().code() == ErrorCode::kOutOfSpace &&
      TakesBack()) {
    status = TakeBackAndWait(status.error());
  }
  if (status) return true;
  NoteEnd(status.error());
  return false;
}

Status Committer::Do(Task task) {
  if (task == Task::kUploadAhead) return UploadAhead(/*all=*/false);
  DRIVEROOT_RETURN_IF_ERROR(PlaceUploads());
  if (task == Task::kCommit) return Commit(RecordType::kCommit);
  DRIVEROOT_RETURN_IF_ERROR(Commit(RecordType::kClose));
  const std::lock_guard lock(state_mutex_);
  if (close_wanted_) {
    closed_ = true;
  } else {
    open_again_ = true;  // who wanted that has given up
  }
  return {};
}

void Committer::NoteEnd(const Error& error) {
  if (error.code() == ErrorCode::kFenced ||
      error.code() == ErrorCode::kCancelled) {
    return;
  }
  {
    // While the volume is being opened somebody waits for the answer.
    const std::lock_guard lock(state_mutex_);
    if (error.code() == ErrorCode::kOutOfSpace && started_ && !fenced_ &&
        TakesBack()) {
      record_refused_ = true;
      changed_.notify_all();
      return;
    }
    if (keeping_) {
      keep_failure_ = error;
      Announce();
    }
    if (!started_ || fenced_ || keeping_) return;
  }
  // Not an answer that a store in order gives. Nothing can be appended to a log
  // that ends in doubt.
  LOG(ERROR) << "cannot write to the volume any more: " << error;
  NoteFailure(error);
  SetFenced("");
}

Committer::Task Committer::NextTask() {
  std::unique_lock lock(state_mutex_);
  while (true) {
    if (stop_ || closed_) return Task::kStop;
    if (fenced_ && !keeping_) {
      changed_.wait(lock);
      continue;
    }
    if (close_wanted_ && !keeping_) return Task::kClose;
    if (commit_wanted_ || record_wanted_ || record_refused_ ||
        checkpoints_asked_ > checkpoints_answered_) {
      return Task::kCommit;
    }
    if (dirty_ && unstored_bytes_ >= placing_bytes_ + BytesToStart()) {
      return options_.single_transaction ? Task::kUploadAhead : Task::kCommit;
    }
    if (dirty_ && changed_bytes_ >= options_.commit_bytes &&
        !options_.single_transaction) {
      return Task::kCommit;
    }
    if (!dirty_ || options_.single_transaction) {
      changed_.wait(lock);
      continue;
    }
    const Clock::time_point due = dirty_since_ + options_.commit_interval;
    if (Clock::now() >= due) return Task::kCommit;
    changed_.wait_until(lock, due);
  }
}

Status Committer::Repeat(const std::function<Status()>& call) {
  std::chrono::milliseconds delay = options_.retry_delay;
  while (true) {
    const Status status = call();
    std::unique_lock lock(state_mutex_);
    if (status || IsFinal(status.error().code())) {
      last_error_.clear();
      refusal_.reset();
      return status;
    }
    // While the volume is being opened somebody waits for the answer.
    if (!started_ || keeping_) return status;
    if (status.error().code() == ErrorCode::kOutOfSpace && TakesBack()) {
      return status;
    }
    const uint64_t kicks = retry_kicks_;
    lock.unlock();
    NoteFailure(status.error());
    lock.lock();
    changed_.wait_for(
        lock, delay, [&] { return stop_ || fenced_ || retry_kicks_ != kicks; });
    if (stop_ || fenced_) {
      return Fail(ErrorCode::kCancelled, "the volume was closed");
    }
    delay = std::min(2 * delay, kMaxRetryFactor * options_.retry_delay);
  }
}

bool Committer::MayBeKept() const {
  const std::lock_guard lock(state_mutex_);
  return started_ && !stop_ && (fenced_ || keeping_);
}

Status Committer::RepeatOrKeep(const std::function<Status()>& call) {
  while (true) {
    {
      std::unique_lock lock(state_mutex_);
      changed_.wait(lock,
                    [&] { return !started_ || !fenced_ || keeping_ || stop_; });
      if (stop_) return Fail(ErrorCode::kCancelled, "the volume was closed");
    }
    const bool was_keeping = keeping_;
    const Status status = Repeat(call);
    if (status || status.error().code() == ErrorCode::kAlreadyExists ||
        was_keeping) {
      return status;
    }
    // The store refused it, not yet the one that keeps.
    if (keeping_) continue;
    if (status.error().code() == ErrorCode::kOutOfSpace && TakesBack()) {
      return status;
    }
    // Not an answer that a store in order gives: it is the end, but of nothing
    // that was accepted.
    NoteEnd(status.error());
    if (!MayBeKept()) return status;
  }
}

Status Committer::Keep() {
  uint64_t target = 0;
  {
    const std::shared_lock lock(mutex_);
    target = sealed_ + (metadata_.has_changes() ? 1 : 0);
  }
  std::unique_lock lock(state_mutex_);
  keeping_ = true;
  commit_wanted_ |= target > sealed_;
  ++retry_kicks_;
  Announce();
  changed_.wait(lock, [&] {
    return durable_ >= target || stop_ || ended_ || keep_failure_;
  });
  if (durable_ >= target) return {};
  if (keep_failure_) return std::unexpected(*keep_failure_);
  return Fail(ErrorCode::kCancelled, "the volume was closed");
}

void Committer::NoteFailure(const Error& error) {
  const std::lock_guard lock(state_mutex_);
  if (last_error_ != error.message()) {
    LOG(WARNING) << "cannot store changes for now: " << error;
  }
  last_error_ = error.message();
  if (error.code() == ErrorCode::kUnavailable && options_.wait_for_network) {
    return;
  }
  refusal_ = error;
  last_refusal_ = error;
  ++failures_;
  Announce();
}

void Committer::SetFenced(const std::string& host) {
  const std::lock_guard lock(state_mutex_);
  fenced_ = true;
  fenced_by_ = host;
  Announce();
}

void Committer::NoteChange() {
  const uint64_t unstored = metadata_.unstored_bytes();
  const uint64_t before = unstored_bytes_.exchange(unstored);
  const uint64_t changed = metadata_.changed_bytes();
  const uint64_t changed_before = changed_bytes_.exchange(changed);
  const bool newly_dirty = !dirty_ && metadata_.has_changes();
  const uint64_t full = placing_bytes_ + BytesToStart();
  const bool newly_full =
      (before < full && unstored >= full) ||
      (changed_before < options_.commit_bytes &&
       changed >= options_.commit_bytes && !options_.single_transaction);
  // What did not fit may do so now, and who waits for room may have it.
  const bool is_less = is_full_ && BytesToStore() < full_bytes_;
  if (!newly_dirty && !newly_full && !is_less) return;
  {
    const std::lock_guard lock(state_mutex_);
    if (newly_dirty) dirty_since_ = Clock::now();
    if (newly_dirty || newly_full) dirty_ = true;
    if (is_less) {
      full_bytes_ = BytesToStore();
      ++retry_kicks_;
    }
  }
  Announce();
}

void Committer::Announce() {
  changed_.notify_all();
  const std::lock_guard lock(listener_mutex_);
  if (listener_ != nullptr) listener_();
}

void Committer::SetListener(std::function<void()> listener) {
  const std::lock_guard lock(listener_mutex_);
  listener_ = std::move(listener);
}

Status Committer::CheckWritable() const {
  if (fenced_) {
    return Fail(
        ErrorCode::kFenced,
        fenced_by_.empty()
            ? "the volume is read-only since writing failed: " + last_error_
            : "the volume was taken over by host " + fenced_by_ +
                  " and is read-only here; `driveroot save` writes what "
                  "was not stored yet to an archive");
  }
  if (close_wanted_ || stop_) {
    return Fail(ErrorCode::kReadOnly, "the volume is being closed");
  }
  return {};
}

Status Committer::WaitToWrite(bool needs_room) {
  std::unique_lock lock(state_mutex_);
  while (true) {
    DRIVEROOT_RETURN_IF_ERROR(CheckWritable());
    if (options_.single_transaction &&
        changed_bytes_ > limits::kRecordChangeBytes) {
      return Fail(ErrorCode::kOutOfSpace,
                  "too much changes at once: its metadata takes over " +
                      std::to_string(limits::kRecordChangeBytes >> 20) +
                      " MiB");
    }
    if (!needs_room || BytesToStore() < options_.max_unstored_bytes) return {};
    if (is_full_) {
      DRIVEROOT_RETURN_IF_ERROR(WaitForSpace(lock));
      continue;
    }
    if (refusal_) return std::unexpected(*refusal_);
    changed_.wait(lock);
  }
}

Status Committer::TryToWrite(ChangeKind kind) {
  const std::lock_guard lock(state_mutex_);
  DRIVEROOT_RETURN_IF_ERROR(CheckWritable());
  const uint64_t bound = kind == ChangeKind::kData
                             ? options_.max_unstored_bytes
                             : 2 * options_.max_unstored_bytes;
  if (kind == ChangeKind::kRemoval || BytesToStore() < bound) return {};
  if (is_full_) {
    if (WasJustAskedForSpace()) return std::unexpected(full_error_);
    AskForSpace();
    return Fail(ErrorCode::kUnavailable, "the store is asked for space");
  }
  if (refusal_ && !PassesWithTime(refusal_->code())) {
    return std::unexpected(*refusal_);
  }
  return Fail(ErrorCode::kUnavailable, "too much is not stored yet");
}

uint64_t Committer::BytesToStore() const {
  const uint64_t data =
      unstored_bytes_ + in_flight_bytes_ + data_.placed_bytes();
  if (options_.single_transaction) return data;
  return data + changed_bytes_ + in_flight_changes_;
}

uint64_t Committer::BytesToStart() const {
  const bool is_first = options_.first_upload_bytes > 0 && !uploaded_ahead_;
  return is_first ? options_.first_upload_bytes : options_.commit_bytes;
}

uint64_t Committer::TransactionNow() const {
  const std::shared_lock lock(mutex_);
  return sealed_ + (metadata_.has_changes() ? 1 : 0);
}

Status Committer::Sync(const ProgressCallback& progress) {
  return WaitFor(Goal::kDurable, TransactionNow(), progress);
}

SyncPoint Committer::StartSync() {
  SyncPoint point{.transaction = TransactionNow()};
  {
    const std::lock_guard lock(state_mutex_);
    point.failures = failures_;
    point.seals = seals_;
    if (durable_ >= point.transaction) return point;
    commit_wanted_ |= point.transaction > sealed_;
    ++retry_kicks_;
  }
  changed_.notify_all();
  return point;
}

std::optional<Status> Committer::SyncResult(const SyncPoint& point) const {
  const std::lock_guard lock(state_mutex_);
  if (durable_ >= point.transaction) return Status();
  if (fenced_) return CheckWritable();
  if (stop_ || closed_) {
    return Fail(ErrorCode::kCancelled, "the volume was closed");
  }
  if (full_seal_ > point.seals) return std::unexpected(full_error_);
  if (failures_ != point.failures && !PassesWithTime(last_refusal_.code())) {
    return std::unexpected(last_refusal_);
  }
  return std::nullopt;
}

Status Committer::Close(const ProgressCallback& progress) {
  return WaitFor(Goal::kClose, 0, progress);
}

Status Committer::AppendRecord() { return WaitFor(Goal::kRecord, 0, nullptr); }

Status Committer::WriteCheckpoint() {
  return WaitFor(Goal::kCheckpoint, 0, nullptr);
}

Status Committer::WaitFor(Goal goal, uint64_t target,
                          const ProgressCallback& progress) {
  const uint64_t total = BytesToStore();
  std::unique_lock lock(state_mutex_);
  const uint64_t failures = failures_;
  const uint64_t seals = seals_;
  uint64_t checkpoint = 0;
  switch (goal) {
    case Goal::kDurable:
      commit_wanted_ |= target > sealed_;
      break;
    case Goal::kRecord:
      record_wanted_ = true;
      target = sealed_ + 1;
      break;
    case Goal::kCheckpoint:
      checkpoint = ++checkpoints_asked_;
      break;
    case Goal::kClose:
      close_wanted_ = true;
      break;
  }
  ++retry_kicks_;
  Announce();
  const auto is_done = [&] {
    return goal == Goal::kClose        ? closed_
           : goal == Goal::kCheckpoint ? checkpoints_answered_ >= checkpoint
                                       : durable_ >= target;
  };
  const auto is_over = [&] {
    return is_done() || closed_ || fenced_ || stop_ || failures_ != failures ||
           full_seal_ > seals;
  };
  while (!changed_.wait_for(lock, kProgressInterval, is_over)) {
    if (progress == nullptr) continue;
    lock.unlock();
    const uint64_t left = std::min(BytesToStore(), total);
    progress({.what = left > 0 ? "uploading data" : "committing",
              .done = total - left,
              .total = total});
    lock.lock();
  }
  if (is_done()) return {};
  if (fenced_) {
    lock.unlock();
    return WaitToWrite();
  }
  if (stop_ || closed_) {
    return Fail(ErrorCode::kCancelled, "the volume was closed");
  }
  // The volume goes on: what is removed now may be what did not fit.
  if (goal == Goal::kClose) close_wanted_ = false;
  return std::unexpected(full_seal_ > seals ? full_error_ : last_refusal_);
}

std::set<InodeNumber> Committer::UncommittedInodes() const {
  const std::shared_lock lock(mutex_);
  std::set<InodeNumber> inodes = metadata_.ChangedInodes();
  const std::lock_guard state_lock(state_mutex_);
  for (const std::set<InodeNumber>& sealed : sealed_inodes_) {
    inodes.insert(sealed.begin(), sealed.end());
  }
  std::erase_if(inodes, [this](InodeNumber number) {
    return metadata_.Find(number) == nullptr;
  });
  return inodes;
}

void Committer::AddStatus(VolumeStatus& status) const {
  const std::lock_guard lock(state_mutex_);
  status.fenced = fenced_;
  status.fenced_by = fenced_by_;
  status.store_is_full = is_full_;
  status.last_error = is_full_ ? full_error_.message() : last_error_;
  status.epoch = epoch_;
  status.last_durable_record = last_record_;
  status.checkpoint_record = checkpoint_record_;
  status.records_written = records_written_;
  status.segments_written = data_.counters().segments;
  status.checkpoints_written = checkpoints_written_;
  status.bytes_written = record_bytes_written_ + data_.counters().stored_bytes;
  status.unstored_bytes =
      in_flight_bytes_ + in_flight_changes_ + data_.placed_bytes();
}

}  // namespace driveroot
