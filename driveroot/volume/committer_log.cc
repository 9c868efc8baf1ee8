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
  Result<SealedRecordPtr> made = SealRecord(transaction);
  if (!made) {
    if (made.error().code() == ErrorCode::kOutOfSpace && TakesBack()) {
      // First, so that it never counts as neither.
      TakeBack(transaction.taken, transaction.type);
      in_flight_changes_ -= transaction.changed_bytes;
    }
    return std::unexpected(made.error());
  }
  const SealedRecordPtr sealed = *std::move(made);
  {
    const std::lock_guard lock(state_mutex_);
    while (!in_flight_.empty() && in_flight_.front()->appended) {
      in_flight_.pop_front();
    }
  }
  in_flight_.push_back(sealed);
  appender_.Start({.create = [this, sealed] { return CreateRecord(*sealed); },
                   .appended = [this, sealed] { NoteAppended(*sealed); },
                   .failed = [this](const Error& error) { NoteEnd(error); }});
  return {};
}

Result<Committer::SealedRecordPtr> Committer::SealRecord(
    Transaction& transaction) {
  // Naming fewer costs a reader time, more ids cost us a request now.
  while (next_ids_.size() < 2 ||
         (next_ids_.size() < kNextIds + 1 && ids_.HasSome())) {
    DRIVEROOT_ASSIGN_OR_RETURN(next_ids_.emplace_back(), ids_.Take());
  }
  auto sealed = std::make_shared<SealedRecord>();
  sealed->id = next_ids_.front();
  DRIVEROOT_ASSIGN_OR_RETURN(StoredData data,
                             StoreData(transaction, sealed->id));
  AddData(data, transaction.delta);
  if (transaction.full) AddData(data, *transaction.full);

  sealed->transaction = transaction.number;
  sealed->before = position_;
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
  sealed->taken = std::move(transaction.taken);
  return sealed;
}

Result<StoredData> Committer::StoreData(Transaction& transaction,
                                        const ObjectId& record_id) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      PlacedData placed,
      data_.Place(transaction.frames, options_.max_inline_bytes, record_id,
                  /*note_change=*/false));
  const Status uploaded =
      data_.Upload(placed.segments, /*ids_may_change=*/true);
  StoredData& data = placed.data;
  TakenTransaction& taken = transaction.taken;
  for (const PlacedSegment& segment : placed.segments) {
    const ObjectDelta& object = segment.object;
    std::ranges::find(data.objects, object.number, &ObjectDelta::number)->id =
        object.id;
    if (segment.stored) {
      taken.stored.push_back(object.number);
    } else {
      taken.lost.insert(object.number);
    }
  }
  if (data.inline_object != 0) taken.lost.insert(data.inline_object);
  if (uploaded) return std::move(data);
  data_.GiveUp(placed.segments);
  return std::unexpected(uploaded.error());
}

Status Committer::MakeNewVolume(RecordType type) {
  Transaction transaction = Seal(type);
  if (!transaction.sealed) return {};
  // Who goes on has opened it with this.
  if (type == RecordType::kCommit) transaction.type = RecordType::kOpen;
  DRIVEROOT_ASSIGN_OR_RETURN(const SealedRecordPtr sealed,
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
  bool is_ahead = false;
  const Status asked = persist_([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(is_ahead, SuperblockIsAhead());
    return {};
  });
  if (keeping_) return {};
  if (!asked) return asked;
  return is_ahead ? TakenOver("unknown") : Status();
}

Result<bool> Committer::SuperblockIsAhead() {
  const Result<std::string> bytes = store_.ReadSuperblock();
  if (!bytes && bytes.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(bytes.error());
  }
  const Result<Superblock> superblock =
      bytes ? ParseSuperblock(*bytes) : std::unexpected(bytes.error());
  if (!superblock) {
    LOG(WARNING) << "the superblock cannot be used: " << superblock.error();
    // A newer driveroot wrote it.
    return superblock.error().code() == ErrorCode::kUnsupportedVersion;
  }
  return superblock->uuid == position_.last.volume_uuid &&
         superblock->log.sequence >= position_.last.sequence &&
         superblock->log.hash != position_.hash;
}

Status Committer::CreateRecord(SealedRecord& record) {
  DRIVEROOT_RETURN_IF_ERROR(RepeatOrKeep([&]() -> Status {
    const Status created =
        store_.Create(record.id, ObjectKind::kLogRecord,
                      ObjectName(record.header.sequence), record.bytes);
    if (created || created.error().code() != ErrorCode::kAlreadyExists) {
      return created;
    }
    return CheckIsOwn(record);
  }));
  NoteStored(record);
  return {};
}

uint64_t Committer::Durable() const {
  const std::lock_guard lock(state_mutex_);
  return last_record_;
}

void Committer::NoteStored(SealedRecord& record) {
  last_append_ = TimeSinceBoot();
  record.stored = true;
  // Whether a writer waits for this, too, is found out under the lock.
  const std::lock_guard lock(state_mutex_);
  Announce();
}

Status Committer::CheckIsOwn(const SealedRecord& record) {
  const auto unclear = [&](const std::string& what) {
    return Fail(ErrorCode::kUnavailable,
                "log record " + std::to_string(record.header.sequence) +
                    " cannot be appended: under its id " + record.id + " " +
                    what);
  };
  const Result<bool> own = store_.Holds(record.id, record.bytes);
  // An answer that was lost: the record is our own.
  if (own && *own) return {};
  if (!own && own.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(own.error());
  }
  if (!own && record.header.type == RecordType::kOpen) {
    // No writer takes an id and leaves nothing there.
    return Damaged(RecordText(record.header.sequence, record.id) +
                   " was stored once and is missing");
  }
  if (!own) return unclear("the store says that something is, and is not");
  const Result<std::string> there = store_.Read(record.id, 0, kMaxRecordBytes);
  if (!there && there.error().code() == ErrorCode::kNotFound) {
    return unclear("something was that is gone");
  }
  if (!there) return std::unexpected(there.error());
  const Result<LogRecord> other = ParseRecord(*there);
  if (!other && other.error().code() == ErrorCode::kUnsupportedVersion) {
    return TakenOver("unknown");
  }
  // Damage on its way or on the store proves nothing.
  if (!other) return unclear("lies a damaged file: " + other.error().message());
  const RecordHeader& header = other->header;
  if (header.volume_uuid != record.header.volume_uuid ||
      header.sequence != record.header.sequence) {
    return unclear("lies another record than any writer puts there");
  }
  return TakenOver(header.writer.host_name);
}

Status Committer::TakenOver(const std::string& host) {
  LOG(ERROR) << "the volume was taken over by host " << host
             << " and is read-only here; `driveroot save DIR FILE.tar` saves "
                "what was not yet stored";
  SetFenced(host);
  return Fail(ErrorCode::kFenced, "taken over by host " + host);
}

void Committer::NoteAppended(SealedRecord& record) {
  // Not before: until then the transaction may have to be taken back.
  in_flight_bytes_ -= record.frame_bytes;
  in_flight_changes_ -= record.changed_bytes;
  data_.ReleaseFrames(record.frames);
  {
    const std::lock_guard lock(state_mutex_);
    record.appended = true;
    durable_ = record.transaction;
    SetFull(0);
    sealed_inodes_.pop_front();
    ++records_written_;
    record_bytes_written_ += record.bytes.size();
    epoch_ = record.header.epoch;
    last_record_ = record.header.sequence;
    record.bytes = std::string();
    record.taken = TakenTransaction();
  }
  Announce();
}

}  // namespace driveroot
