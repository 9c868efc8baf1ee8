// SPDX-License-Identifier: Apache-2.0
//
// Transactions: from the metadata to the log.
#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <utility>

#include "driveroot/volume/checkpoint_writer.h"
#include "driveroot/volume/committer.h"
#include "driveroot/volume/frame_copies.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// Recovery should take about two seconds. It fetches eight records in one round
// trip of about 230 ms, and at 100 Mbit/s 16 MiB take 1.3 s.
constexpr uint64_t kMaxRecords = 64;
constexpr uint64_t kMaxRecordBytesTotal = 16 << 20;

// Uploads that run while their transaction is still being filled: enough to
// hide the time until an upload starts and until it is acknowledged.
constexpr size_t kMaxUploads = 3;

// What programs are made of compresses to about a third, hardly ever to less
// than this.
constexpr uint64_t kMaxCompression = 4;

// But writing checkpoints should not cost many times what the log itself does.
constexpr uint64_t kMaxCheckpointToLog = 8;
constexpr uint64_t kTooManyRecords = 512;

}  // namespace

bool Committer::CheckpointIsDue() const {
  if (checkpoint_.valid() || options_.single_transaction) return false;
  if (records_since_checkpoint_ >= kTooManyRecords) return true;
  const bool is_long = records_since_checkpoint_ >= kMaxRecords ||
                       record_bytes_since_checkpoint_ >= kMaxRecordBytesTotal;
  return is_long && record_bytes_since_checkpoint_ * kMaxCheckpointToLog >=
                        checkpoint_size_;
}

Status Committer::Commit(RecordType type) {
  if (is_new_) return MakeNewVolume(type);
  // What a record refers to is on the store before it.
  DRIVEROOT_RETURN_IF_ERROR(FinishUploads());
  // Before it is sealed: what comes meanwhile goes into the same record.
  DRIVEROOT_RETURN_IF_ERROR(appender_.WaitForRoom());
  if (type != RecordType::kOpen && std::exchange(open_again_, false)) {
    opened_ = false;
    DRIVEROOT_RETURN_IF_ERROR(Commit(RecordType::kOpen));
  }
  // Whether this writer has the volume must be known before it writes more:
  // another one that opens it now may use the same ids.
  if (type != RecordType::kOpen && !std::exchange(opened_, true)) {
    DRIVEROOT_RETURN_IF_ERROR(appender_.WaitForAll());
  }
  CollectCheckpoint(/*wait=*/type == RecordType::kClose);
  Transaction transaction = Seal(type);
  if (!transaction.sealed) return {};
  DRIVEROOT_RETURN_IF_ERROR(Append(transaction));
  const SealedRecordPtr record = in_flight_.back();
  if (type == RecordType::kOpen && options_.open_in_background) return {};
  if (type != RecordType::kCommit || transaction.checkpoints_asked > 0) {
    DRIVEROOT_RETURN_IF_ERROR(appender_.WaitForAll());
    CollectCheckpoint(/*wait=*/true);
  }
  if (!transaction.full) return {};
  const Status stored = StoreCheckpoint(transaction, record);
  if (!stored && stored.error().code() == ErrorCode::kOutOfSpace &&
      type == RecordType::kClose && TakesBack()) {
    // Who opens the volume next reads some more records.
    LOG(WARNING) << "closed without a checkpoint: " << stored.error();
    return {};
  }
  return stored;
}

Committer::Transaction Committer::Seal(RecordType type) {
  Transaction transaction;
  transaction.type = type;
  const std::lock_guard lock(mutex_);
  bool wanted = type != RecordType::kCommit || metadata_.has_changes();
  {
    const std::lock_guard state_lock(state_mutex_);
    commit_wanted_ = false;
    dirty_ = false;
    ++seals_;
    seal_kicks_ = retry_kicks_;
    wanted |= std::exchange(record_wanted_, false);
    if (checkpoints_asked_ > checkpoints_answered_) {
      transaction.checkpoints_asked = checkpoints_asked_;
      wanted = true;
    }
  }
  if (!wanted) {
    const std::lock_guard state_lock(state_mutex_);
    SetFull(0);
    return transaction;
  }
  transaction.sealed = true;
  std::set<InodeNumber> inodes = metadata_.ChangedInodes();
  metadata_.ForgetReleasedFrames(/*all=*/false);
  metadata_.BuryEmptyObjects(position_.last.sequence + 1);
  transaction.changed_bytes = metadata_.changed_bytes();
  transaction.frames = metadata_.TakeUnstoredFrames(/*all=*/true);
  for (const UnstoredFrame& frame : transaction.frames) {
    transaction.taken.frames.push_back(frame.number);
  }
  transaction.delta = metadata_.TakeDelta(&transaction.taken.changes);
  if (is_new_ || type == RecordType::kClose ||
      transaction.checkpoints_asked > 0 || CheckpointIsDue()) {
    transaction.full = metadata_.FullDelta();
  }
  transaction.number = ++sealed_;
  // Before it is no longer counted as changed, so that no writer comes through
  // in between.
  in_flight_changes_ += transaction.changed_bytes;
  changed_bytes_ = metadata_.changed_bytes();
  const std::lock_guard state_lock(state_mutex_);
  sealed_inodes_.push_back(std::move(inodes));
  return transaction;
}

Status Committer::UploadAhead(bool all) {
  if (uploads_.size() == kMaxUploads) {
    const Status stored = uploads_.front().stored.get();
    uploads_.pop_front();
    if (!stored) return stored;
  }
  std::vector<UnstoredFrame> frames;
  // What came since the task was started is for the next one.
  const uint64_t wanted =
      all ? std::numeric_limits<uint64_t>::max() : BytesToStart();
  {
    const std::lock_guard lock(mutex_);
    frames = metadata_.TakeUnstoredFrames(all, wanted);
    if (frames.empty()) frames = metadata_.TakeUnstoredFrames(/*all=*/true);
  }
  uint64_t bytes = 0;
  for (const UnstoredFrame& frame : frames) bytes += frame.bytes->size();
  placing_bytes_ += bytes;
  uploaded_ahead_ = true;
  std::promise<Status> placed;
  Upload& upload = uploads_.emplace_back();
  upload.placed = placed.get_future();
  upload.stored = std::async(std::launch::async,
                             [this, bytes, frames = std::move(frames),
                              placed = std::move(placed)]() mutable -> Status {
                               Result<PlacedData> data = data_.Place(
                                   frames, /*max_inline_bytes=*/0, ObjectId(),
                                   /*note_change=*/true);
                               frames.clear();
                               {
                                 const std::lock_guard lock(state_mutex_);
                                 placing_bytes_ -= bytes;
                                 Announce();
                               }
                               Status status;
                               if (!data)
                                 status = std::unexpected(data.error());
                               placed.set_value(status);
                               if (!status) return status;
                               return data_.Upload(data->segments,
                                                   /*ids_may_change=*/false);
                             });
  return {};
}

Status Committer::PlaceUploads() {
  Status status;
  // Too much to go into the record: the sooner it is on its way the better.
  if (options_.single_transaction &&
      unstored_bytes_ >
          placing_bytes_ + kMaxCompression * options_.max_inline_bytes) {
    status = UploadAhead(/*all=*/true);
  }
  for (Upload& upload : uploads_) {
    if (!upload.placed.valid()) continue;
    const Status placed = upload.placed.get();
    if (status) status = placed;
  }
  return status;
}

Status Committer::FinishUploads() {
  Status status;
  while (!uploads_.empty()) {
    const Status stored = uploads_.front().stored.get();
    uploads_.pop_front();
    if (status) status = stored;
  }
  return status;
}

void Committer::AddFrameCopies(Transaction& transaction) const {
  if (transaction.type != RecordType::kClose) return;
  const std::shared_lock lock(mutex_);
  transaction.full->frame_copies = ChooseFrameCopies(metadata_, cache_);
}

Status Committer::StoreCheckpoint(Transaction& transaction,
                                  SealedRecordPtr record) {
  const auto take_id = [this] { return ids_.Take(); };
  AddFrameCopies(transaction);
  if (transaction.type == RecordType::kClose ||
      transaction.checkpoints_asked > 0) {
    Result<KeptCheckpoint> written = driveroot::WriteCheckpoint(
        store_, persist_, take_id, position_, *transaction.full);
    if (!written) return std::unexpected(written.error());
    NoteCheckpoint(*written);
    records_since_checkpoint_ = 0;
    record_bytes_since_checkpoint_ = 0;
    const std::lock_guard lock(state_mutex_);
    checkpoints_answered_ =
        std::max(checkpoints_answered_, transaction.checkpoints_asked);
    return {};
  }
  // It can wait, and nothing waits for it: one attempt, and another one at the
  // next record if it fails.
  checkpoint_ = std::async(
      std::launch::async,
      [this, take_id, position = position_, full = *std::move(transaction.full),
       record = std::move(record)]() -> Result<KeptCheckpoint> {
        const Persist once = [](const auto& call) { return call(); };
        DRIVEROOT_RETURN_IF_ERROR(WaitUntilAppended(*record));
        return driveroot::WriteCheckpoint(store_, once, take_id, position,
                                          full);
      });
  records_since_checkpoint_ = 0;
  record_bytes_since_checkpoint_ = 0;
  return {};
}

void Committer::CollectCheckpoint(bool wait) {
  if (!checkpoint_.valid()) return;
  if (!wait && checkpoint_.wait_for(std::chrono::seconds(0)) !=
                   std::future_status::ready) {
    return;
  }
  const Result<KeptCheckpoint> written = checkpoint_.get();
  if (!written) {
    LOG(WARNING) << "cannot write a checkpoint: " << written.error();
    records_since_checkpoint_ = kTooManyRecords;
    return;
  }
  NoteCheckpoint(*written);
}

Status Committer::WaitUntilAppended(const SealedRecord& record) {
  std::unique_lock lock(state_mutex_);
  changed_.wait(lock, [&] {
    return record.appended || record.taken_back || fenced_ || stop_;
  });
  if (record.appended) return {};
  return Fail(ErrorCode::kCancelled, "its record was never appended");
}

void Committer::NoteCheckpoint(const KeptCheckpoint& checkpoint) {
  checkpoint_size_ = checkpoint.size;
  {
    const std::lock_guard lock(mutex_);
    metadata_.KeepCheckpoint(checkpoint);
  }
  const std::lock_guard lock(state_mutex_);
  checkpoint_record_ = checkpoint.sequence;
  ++checkpoints_written_;
}

}  // namespace driveroot
