// SPDX-License-Identifier: Apache-2.0
//
// What the committer does when the store is full. A transaction that does not
// fit is taken back: its changes are open again, as if it had never been
// sealed. So what a person removes to make room need not be stored first, and
// what is left is tried anew.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/committer.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// As with all that is repeated.
constexpr int kMaxDelayFactor = 64;

std::string Megabytes(uint64_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

}  // namespace

// One transaction is all or nothing anyway, and a volume that is not there yet
// has nothing that could be removed from it. What Keep() has created is kept.
bool Committer::TakesBack() const {
  return !options_.single_transaction && !keeping_ && !is_new_;
}

Status Committer::TakeBackAndWait(const Error& error) {
  DRIVEROOT_RETURN_IF_ERROR(TakeBackRecords());
  uint64_t past_bytes = 0;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [number, object] : metadata_.dead_objects()) {
      past_bytes += object.size;
    }
  }
  std::string message = error.message();
  if (past_bytes > 0) {
    message += "; past states of the volume take " + Megabytes(past_bytes) +
               ", which `driveroot gc --keep_hours=0 --keep_days=0` gives back "
               "when it is not mounted";
  }
  std::unique_lock lock(state_mutex_);
  if (full_seal_ == 0) {
    LOG(WARNING) << "what was written does not fit, and stays in memory: "
                 << message;
  }
  full_error_ = Error(error.code(), std::move(message));
  SetFull(seals_);
  record_refused_ = false;
  // Whoever asked for one is told now.
  checkpoints_asked_ = checkpoints_answered_;
  full_delay_ = std::clamp(2 * full_delay_, options_.retry_delay,
                           kMaxDelayFactor * options_.retry_delay);
  Announce();
  // Not if somebody asked since it was sealed.
  changed_.wait_for(lock, full_delay_, [&] {
    return stop_ || fenced_ || retry_kicks_ != seal_kicks_;
  });
  commit_wanted_ = true;
  lock.unlock();
  RemoveUnlogged();
  return {};
}

void Committer::RemoveUnlogged() {
  std::vector<ObjectId> ids;
  {
    const std::lock_guard lock(mutex_);
    ids = metadata_.DropEmptyObjects(unlogged_);
  }
  for (const ObjectId& id : ids) {
    // If it stays, garbage collection finds it.
    const Status removed = store_.Remove(id);
    if (!removed) LOG(INFO) << "cannot remove a segment: " << removed.error();
  }
}

void Committer::SetFull(uint64_t seal) {
  full_seal_ = seal;
  is_full_ = seal > 0;
  if (seal == 0) {
    full_delay_ = std::chrono::milliseconds(0);
    return;
  }
  full_since_ = Clock::now();
  full_bytes_ = BytesToStore();
}

void Committer::TakeBack(const TakenTransaction& taken, RecordType type) {
  if (type == RecordType::kOpen) open_again_ = true;
  const std::lock_guard lock(mutex_);
  metadata_.TakeBack(taken);
  NoteChange();
  const std::lock_guard state_lock(state_mutex_);
  sealed_inodes_.pop_back();
  // What was taken back before is in the log now.
  if (std::exchange(unlogged_since_, records_written_) != records_written_) {
    unlogged_.clear();
  }
  unlogged_.insert(taken.stored.begin(), taken.stored.end());
}

Status Committer::TakeBackRecords() {
  appender_.Settle();
  while (!in_flight_.empty()) {
    const SealedRecordPtr first = in_flight_.front();
    bool appended = false;
    {
      const std::lock_guard lock(state_mutex_);
      appended = first->appended;
    }
    if (!appended) {
      const Result<bool> is_there = IsThere(*first);
      // Whoever keeps it finds out.
      if (!is_there && !MayBeKept()) return std::unexpected(is_there.error());
      if (!is_there || !*is_there) break;
      NoteStored(*first);
      NoteAppended(*first);
    }
    in_flight_.pop_front();
  }
  if (in_flight_.empty()) return {};
  position_ = in_flight_.front()->before;
  // The record before it names this one; those that it would have named itself
  // are not used again, since some of them may be taken.
  next_ids_ = {in_flight_.front()->id};
  for (; !in_flight_.empty(); in_flight_.pop_back()) {
    SealedRecord& record = *in_flight_.back();
    if (record.stored) {
      // No reader gets there. If it stays, garbage collection finds it.
      const Status removed = store_.Remove(record.id);
      if (!removed) LOG(INFO) << "cannot remove a record: " << removed.error();
    }
    // First, so that it never counts as neither.
    TakeBack(record.taken, record.header.type);
    in_flight_bytes_ -= record.frame_bytes;
    in_flight_changes_ -= record.changed_bytes;
    const std::lock_guard lock(state_mutex_);
    record.taken_back = true;
  }
  return {};
}

// An earlier attempt may have stored it, of which no answer came.
Result<bool> Committer::IsThere(const SealedRecord& record) {
  if (record.stored) return true;
  bool is_there = false;
  DRIVEROOT_RETURN_IF_ERROR(persist_([&]() -> Status {
    const Result<bool> own = store_.Holds(record.id, record.bytes);
    if (!own && own.error().code() == ErrorCode::kNotFound) return {};
    if (!own) return std::unexpected(own.error());
    if (!*own) return CheckIsOwn(record);
    is_there = true;
    return {};
  }));
  return is_there;
}

bool Committer::WasJustAskedForSpace() const {
  // Nothing has changed since then.
  return Clock::now() < full_since_ + options_.retry_delay &&
         BytesToStore() >= full_bytes_;
}

void Committer::AskForSpace() {
  commit_wanted_ = true;
  ++retry_kicks_;
  // Not Announce(): who asks may be woken by that, and would ask again.
  changed_.notify_all();
}

Status Committer::WaitForSpace(std::unique_lock<std::mutex>& lock) {
  const uint64_t seals = seals_;
  if (WasJustAskedForSpace()) return std::unexpected(full_error_);
  AskForSpace();
  changed_.wait(lock, [&] {
    return full_seal_ == 0 || full_seal_ > seals || stop_ || fenced_ ||
           close_wanted_ || BytesToStore() < options_.max_unstored_bytes;
  });
  if (full_seal_ > seals) return std::unexpected(full_error_);
  return {};
}

}  // namespace driveroot
