// SPDX-License-Identifier: Apache-2.0
//
// Appending records to the log, and finding out when another writer did.
#include <algorithm>
#include <memory>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/checkpoint_writer.h"
#include "driveroot/volume/committer.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/writer_identity.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// Each record names the ids of so many after it, so that recovery fetches them
// together.
constexpr size_t kNextIds = 8;

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

Status Committer::Append(Transaction& transaction) {
  if (const Status current = CheckNotReplaced(); !current) {
    NoteEnd(current.error());
    // What was sealed is not in the metadata's changes any more: it waits in
    // RepeatOrKeep().
    if (!MayBeKept()) return current;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::shared_ptr<SealedRecord> sealed,
                             SealRecord(transaction));
  appender_.Start({.create = [this, sealed] { return CreateRecord(*sealed); },
                   .appended = [this, sealed] { NoteAppended(*sealed); },
                   .failed = [this](const Error& error) { NoteEnd(error); }});
  return {};
}

Result<std::shared_ptr<Committer::SealedRecord>> Committer::SealRecord(
    Transaction& transaction) {
  // Naming fewer costs a reader time, more ids cost us a request now.
  while (next_ids_.size() < 2 ||
         (next_ids_.size() < kNextIds + 1 && ids_.HasSome())) {
    DRIVEROOT_ASSIGN_OR_RETURN(next_ids_.emplace_back(), ids_.Take());
  }
  auto sealed = std::make_shared<SealedRecord>();
  sealed->id = next_ids_.front();
  DRIVEROOT_ASSIGN_OR_RETURN(
      StoredData data,
      data_.Store(transaction.frames, options_.max_inline_bytes, sealed->id,
                  /*note_change=*/false));
  AddData(data, transaction.delta);
  if (transaction.full) AddData(data, *transaction.full);

  const RecordHeader& last = position_.last;
  sealed->header = {
      .volume_uuid = last.volume_uuid,
      .type = transaction.type,
      .sequence = last.sequence + 1,
      .epoch = last.epoch + (transaction.type == RecordType::kOpen ? 1 : 0),
      .sealed_at = options_.now(),
      .durable = Durable(),
      .previous = position_.hash,
      .next_ids = {next_ids_.begin() + 1, next_ids_.end()},
      .writer = writer_};
  DRIVEROOT_ASSIGN_OR_RETURN(
      sealed->bytes,
      EncodeRecord(sealed->header, transaction.delta, data.inline_frames));
  sealed->frames = std::move(data.frames);
  std::erase_if(sealed->frames, [&](const FrameDelta& frame) {
    return frame.object != data.inline_object;
  });
  for (const FrameDelta& frame : sealed->frames) {
    sealed->frame_bytes += frame.raw_length;
  }
  // What is sealed from now on may refer to it: without it, nothing after it
  // counts.
  if (data.inline_object != 0) {
    data_.SetPlaces(data.objects, sealed->frames, /*note_change=*/false);
  }
  // The memory is needed until the record is there. After SetPlaces, so that
  // the status never counts the same bytes twice.
  in_flight_bytes_ += sealed->frame_bytes;
  sealed->changed_bytes = transaction.changed_bytes;
  position_ = {.last = sealed->header, .hash = Unseal(sealed->bytes)->hash};
  next_ids_.pop_front();
  ++records_since_checkpoint_;
  record_bytes_since_checkpoint_ += sealed->bytes.size();
  return sealed;
}

Status Committer::MakeNewVolume(RecordType type) {
  Transaction transaction = Seal(type);
  if (!transaction.sealed) return {};
  // Who goes on has opened it with this.
  if (type == RecordType::kCommit) transaction.type = RecordType::kOpen;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::shared_ptr<SealedRecord> sealed,
                             SealRecord(transaction));
  AddFrameCopies(transaction);
  ObjectId readme;
  ObjectId checkpoint;
  DRIVEROOT_ASSIGN_OR_RETURN(readme, ids_.Take());
  DRIVEROOT_ASSIGN_OR_RETURN(checkpoint, ids_.Take());
  NewVolume volume{.readme = readme,
                   .checkpoint = checkpoint,
                   .record = sealed->id,
                   .record_bytes = sealed->bytes};
  if (!uploads_.empty()) {
    volume.finish_data = [this] { return FinishUploads(); };
  }
  const Result<KeptCheckpoint> made =
      MakeVolume(store_, persist_, volume, position_, *transaction.full);
  if (!made && made.error().code() == ErrorCode::kAlreadyExists) {
    {
      const std::lock_guard lock(state_mutex_);
      last_error_ = made.error().message();
    }
    SetFenced("");
    return Fail(ErrorCode::kFenced, made.error().message());
  }
  if (!made) return std::unexpected(made.error());
  is_new_ = false;
  opened_ = true;
  records_since_checkpoint_ = 0;
  record_bytes_since_checkpoint_ = 0;
  NoteStored(*sealed);
  NoteCheckpoint(*made);
  {
    const std::lock_guard lock(state_mutex_);
    checkpoints_answered_ =
        std::max(checkpoints_answered_, transaction.checkpoints_asked);
  }
  NoteAppended(*sealed);
  return {};
}

Status Committer::CheckNotReplaced() {
  if (TimeSinceBoot() - last_append_.load() < options_.absence) return {};
  if (keeping_) return {};
  std::string bytes;
  const Status read = persist_([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(bytes, store_.ReadSuperblock());
    return {};
  });
  if (keeping_) return {};
  if (!read && read.error().code() != ErrorCode::kNotFound) return read;
  const Result<Superblock> superblock = ParseSuperblock(bytes);
  const bool is_ours =
      superblock && superblock->uuid == position_.last.volume_uuid;
  // What somebody removed, emptied or exchanged tells of no other writer; but
  // what a newer driveroot wrote does.
  if (!read ||
      (superblock ? !is_ours
                  : superblock.error().code() == ErrorCode::kDataLoss)) {
    LOG(WARNING) << "superblock.json is missing or damaged; the next "
                    "checkpoint writes it anew";
    return {};
  }
  if (superblock && (superblock->log.sequence < position_.last.sequence ||
                     superblock->log.hash == position_.hash)) {
    return {};
  }
  return TakenOver("unknown");
}

Status Committer::CreateRecord(const SealedRecord& record) {
  while (true) {
    const Status created = RepeatOrKeep([&] {
      return store_.Create(record.id, ObjectKind::kLogRecord,
                           ObjectName(record.header.sequence), record.bytes);
    });
    if (created) break;
    if (created.error().code() != ErrorCode::kAlreadyExists) return created;
    const Status own = CheckIsOwn(record);
    if (own) break;
    // Once more, for whoever keeps it.
    if (!MayBeKept()) return own;
  }
  NoteStored(record);
  return {};
}

uint64_t Committer::Durable() const {
  const std::lock_guard lock(state_mutex_);
  return last_record_;
}

void Committer::NoteStored(const SealedRecord& record) {
  last_append_ = TimeSinceBoot();
  in_flight_bytes_ -= record.frame_bytes;
  in_flight_changes_ -= record.changed_bytes;
  data_.ReleaseFrames(record.frames);
}

Status Committer::CheckIsOwn(const SealedRecord& record) {
  std::string there;
  const Status read = persist_([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(there,
                               store_.Read(record.id, 0, kMaxRecordBytes));
    return {};
  });
  if (!read && read.error().code() == ErrorCode::kCancelled) return read;
  // An answer that was lost: the record is our own.
  if (read && there == record.bytes) return {};
  if (!read && read.error().code() == ErrorCode::kNotFound) {
    // No writer takes an id and leaves nothing there.
    return Damaged(RecordText(record.header.sequence, record.id) +
                   " was stored once and is missing");
  }
  const Result<LogRecord> other = ParseRecord(there);
  return TakenOver(other ? other->header.writer.host_name : "unknown");
}

Status Committer::TakenOver(const std::string& host) {
  LOG(ERROR) << "the volume was taken over by host " << host
             << " and is read-only here; `driveroot save DIR FILE.tar` saves "
                "what was not yet stored";
  SetFenced(host);
  return Fail(ErrorCode::kFenced, "taken over by host " + host);
}

void Committer::NoteAppended(const SealedRecord& record) {
  {
    const std::lock_guard lock(state_mutex_);
    ++durable_;
    sealed_inodes_.pop_front();
    ++records_written_;
    record_bytes_written_ += record.bytes.size();
    epoch_ = record.header.epoch;
    last_record_ = record.header.sequence;
  }
  changed_.notify_all();
}

}  // namespace driveroot
