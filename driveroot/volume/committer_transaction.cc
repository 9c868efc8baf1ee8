// SPDX-License-Identifier: Apache-2.0
//
// Transactions: from the metadata to the log.
#include <algorithm>
#include <chrono>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/checkpoint_writer.h"
#include "driveroot/volume/committer.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/writer_identity.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// Each record names the ids of so many after it, so that recovery fetches them
// together.
constexpr size_t kNextIds = 8;

// Recovery should take about two seconds. It fetches eight records in one round
// trip of about 230 ms, and at 100 Mbit/s 16 MiB take 1.3 s.
constexpr uint64_t kMaxRecords = 64;
constexpr uint64_t kMaxRecordBytesTotal = 16 << 20;

// A writer that did not write for so long looks whether it still has the volume
// before it does: records that would show it may be deleted by another writer,
// though not before four times this; see garbage_collector.cc.
constexpr TimeNs kMaxAbsence = TimeNs{900} * 1'000'000'000;

// But writing checkpoints should not cost many times what the log itself does.
constexpr uint64_t kMaxCheckpointToLog = 8;
constexpr uint64_t kTooManyRecords = 512;

// A checkpoint needs each frame's place, also of those that went to the store
// together with its last record.
void AddData(const StoredData& data, Delta& delta) {
  delta.objects.insert(delta.objects.end(), data.objects.begin(),
                       data.objects.end());
  delta.frames.insert(delta.frames.end(), data.frames.begin(),
                      data.frames.end());
  std::ranges::sort(delta.objects, {}, &ObjectDelta::number);
  std::ranges::sort(delta.frames, {}, &FrameDelta::number);
  for (const ObjectDelta& object : data.objects) {
    delta.next_object = std::max(delta.next_object, object.number + 1);
  }
}

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
  CollectCheckpoint(/*wait=*/type == RecordType::kClose);
  Transaction transaction = Seal(type);
  if (transaction.checkpoints_asked > 0) CollectCheckpoint(/*wait=*/true);
  if (!transaction.sealed) return {};
  DRIVEROOT_ASSIGN_OR_RETURN(position_, Append(transaction));
  {
    const std::lock_guard lock(state_mutex_);
    ++durable_;
    ++records_written_;
    epoch_ = position_.last.epoch;
    last_record_ = position_.last.sequence;
  }
  changed_.notify_all();
  if (!transaction.full) return {};
  return StoreCheckpoint(transaction);
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
    wanted |= std::exchange(record_wanted_, false);
    if (checkpoints_asked_ > checkpoints_answered_) {
      transaction.checkpoints_asked = checkpoints_asked_;
      wanted = true;
    }
  }
  if (!wanted) return transaction;
  transaction.sealed = true;
  metadata_.BuryEmptyObjects(position_.last.sequence + 1);
  transaction.frames = metadata_.TakeUnstoredFrames(/*all=*/true);
  transaction.delta = metadata_.TakeDelta();
  if (type == RecordType::kClose || transaction.checkpoints_asked > 0 ||
      CheckpointIsDue()) {
    transaction.full = metadata_.FullDelta();
  }
  ++sealed_;
  return transaction;
}

Result<LogPosition> Committer::Append(Transaction& transaction) {
  while (next_ids_.size() < kNextIds + 1) {
    DRIVEROOT_ASSIGN_OR_RETURN(next_ids_.emplace_back(), ids_.Take());
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckStillOurs());
  const ObjectId id = next_ids_.front();
  DRIVEROOT_ASSIGN_OR_RETURN(
      const StoredData data,
      data_.Store(transaction.frames, options_.max_inline_bytes, id,
                  /*note_change=*/false));
  AddData(data, transaction.delta);
  if (transaction.full) AddData(data, *transaction.full);

  const RecordHeader& last = position_.last;
  const RecordHeader header{
      .volume_uuid = last.volume_uuid,
      .type = transaction.type,
      .sequence = last.sequence + 1,
      .epoch = last.epoch + (transaction.type == RecordType::kOpen ? 1 : 0),
      .sealed_at = options_.now(),
      .previous = position_.hash,
      .next_ids = {next_ids_.begin() + 1, next_ids_.end()},
      .writer = writer_};
  const std::string bytes =
      EncodeRecord(header, transaction.delta, data.inline_frames);
  DRIVEROOT_RETURN_IF_ERROR(CreateRecord(id, header, bytes));
  next_ids_.pop_front();
  last_contact_ = options_.now();

  std::vector<FrameDelta> inline_frames;
  std::ranges::copy_if(data.frames, std::back_inserter(inline_frames),
                       [&](const FrameDelta& frame) {
                         return frame.object == data.inline_object;
                       });
  if (data.inline_object != 0) {
    data_.MarkStored(data.objects, inline_frames, /*note_change=*/false);
  }
  ++records_since_checkpoint_;
  record_bytes_since_checkpoint_ += bytes.size();
  {
    const std::lock_guard lock(state_mutex_);
    record_bytes_written_ += bytes.size();
  }
  return LogPosition{.last = header, .hash = Unseal(bytes)->hash};
}

Status Committer::CheckStillOurs() {
  const TimeNs now = options_.now();
  // Back in time is no proof of a short absence.
  if (now >= last_contact_ && now - last_contact_ < kMaxAbsence) return {};
  std::string bytes;
  DRIVEROOT_RETURN_IF_ERROR(persist_([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(bytes, store_.ReadSuperblock());
    return {};
  }));
  const Result<Superblock> superblock = ParseSuperblock(bytes);
  if (superblock &&
      superblock->log.sequence > position_.last.sequence) {
    LOG(ERROR) << "another host took the volume over while this one was away; "
                  "it is read-only here, and what was not yet stored is lost";
    SetFenced("unknown");
    return Fail(ErrorCode::kFenced, "taken over by another host");
  }
  last_contact_ = now;
  return {};
}

Status Committer::CreateRecord(const ObjectId& id, const RecordHeader& header,
                               const std::string& bytes) {
  const Status created = persist_([&] {
    return store_.Create(id, ObjectKind::kLogRecord,
                         ObjectName(header.sequence), bytes);
  });
  if (created || created.error().code() != ErrorCode::kAlreadyExists) {
    return created;
  }
  std::string there;
  const Status read = persist_([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(there, store_.Read(id, 0, kMaxRecordBytes));
    return {};
  });
  if (!read && read.error().code() == ErrorCode::kCancelled) return read;
  // An answer that was lost: the record is our own.
  if (read && there == bytes) return {};
  const Result<LogRecord> other = ParseRecord(there);
  const std::string host = other ? other->header.writer.host_name : "unknown";
  LOG(ERROR) << "the volume was taken over by host " << host
             << " and is read-only here; what was not yet stored is lost";
  SetFenced(host);
  return Fail(ErrorCode::kFenced, "taken over by host " + host);
}

Status Committer::UploadAhead() {
  std::vector<UnstoredFrame> frames;
  {
    const std::lock_guard lock(mutex_);
    frames = metadata_.TakeUnstoredFrames(/*all=*/false);
    if (frames.empty()) frames = metadata_.TakeUnstoredFrames(/*all=*/true);
  }
  const Result<StoredData> stored =
      data_.Store(frames, /*max_inline_bytes=*/0, ObjectId(),
                  /*note_change=*/true);
  if (!stored) return std::unexpected(stored.error());
  return {};
}

Status Committer::StoreCheckpoint(Transaction& transaction) {
  DRIVEROOT_ASSIGN_OR_RETURN(const ObjectId id, ids_.Take());
  if (transaction.type == RecordType::kClose ||
      transaction.checkpoints_asked > 0) {
    Result<KeptCheckpoint> written = driveroot::WriteCheckpoint(
        store_, persist_, id, position_, *transaction.full);
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
      [this, id, position = position_, full = *std::move(transaction.full)] {
        const Persist once = [](const auto& call) { return call(); };
        return driveroot::WriteCheckpoint(store_, once, id, position, full);
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
