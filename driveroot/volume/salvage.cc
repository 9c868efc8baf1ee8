// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/salvage.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/checkpoint_writer.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/segment.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/tree_check.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {
namespace {

constexpr size_t kMaxSentences = 1000;

using NumberedObjects = std::multimap<uint64_t, ObjectInfo>;

// The record that an object is, or whose checkpoint it is, whatever it is
// called; nothing when it is neither.
std::optional<uint64_t> SequenceIn(ObjectStore& store, const ObjectInfo& info) {
  if (info.kind == ObjectKind::kSegment) return std::nullopt;
  const Result<std::string> bytes = store.Read(info.id, 0, info.size);
  if (!bytes) return std::nullopt;
  if (info.kind == ObjectKind::kLogRecord) {
    const Result<LogRecord> record = ParseRecord(*bytes);
    return record ? std::optional(record->header.sequence) : std::nullopt;
  }
  const Result<Checkpoint> checkpoint = ParseCheckpoint(*bytes);
  return checkpoint ? std::optional(checkpoint->position.last.sequence)
                    : std::nullopt;
}

// Those that somebody renamed count by what is in them, and segments, of which
// nothing depends on their numbers, as 0.
Result<NumberedObjects> ListByNumber(ObjectStore& store, ObjectKind kind) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                             store.List(kind));
  NumberedObjects objects;
  for (const ObjectInfo& info : list) {
    std::optional<uint64_t> number = ParseObjectName(info.name);
    if (!number) number = SequenceIn(store, info);
    if (!number && kind != ObjectKind::kSegment) continue;
    objects.emplace(number.value_or(0), info);
  }
  return objects;
}

// Whether the salvage goes on without what failed so.
bool IsDamage(const Error& error) {
  return error.code() == ErrorCode::kDataLoss ||
         error.code() == ErrorCode::kNotFound;
}

class Salvager {
 public:
  Salvager(ObjectStore& store, const WriterIdentity& self, TimeNs now)
      : store_(store), self_(self), now_(now) {}

  Result<SalvageReport> Run(bool steal) {
    DRIVEROOT_ASSIGN_OR_RETURN(records_,
                               ListByNumber(store_, ObjectKind::kLogRecord));
    DRIVEROOT_ASSIGN_OR_RETURN(segments_,
                               ListByNumber(store_, ObjectKind::kSegment));
    DRIVEROOT_ASSIGN_OR_RETURN(const bool found, StartFromCheckpoint());
    if (!found) DRIVEROOT_RETURN_IF_ERROR(StartFromLog());
    if (position_.last.volume_uuid.empty()) {
      return Fail(ErrorCode::kNotFound,
                  "there is neither a checkpoint nor a log record");
    }
    if (!steal) {
      DRIVEROOT_RETURN_IF_ERROR(CheckNotInUse(position_.last, self_, now_));
    }
    DRIVEROOT_RETURN_IF_ERROR(DropLostCheckpoints());
    NoteLostRecords();
    if (is_incomplete_) DRIVEROOT_RETURN_IF_ERROR(SaveLostData());
    for (std::string& text : RepairTree(*metadata_, now_, kMaxSentences)) {
      report_.done.push_back(std::move(text));
    }
    DRIVEROOT_RETURN_IF_ERROR(WriteDown());
    return std::move(report_);
  }

 private:
  // Reads the newest checkpoint that is in order, and the log after it as far
  // as it goes. False: there is no such checkpoint.
  Result<bool> StartFromCheckpoint() {
    DRIVEROOT_ASSIGN_OR_RETURN(const NumberedObjects checkpoints,
                               ListByNumber(store_, ObjectKind::kCheckpoint));
    for (const auto& [sequence, info] : checkpoints) {
      newest_ = std::max(newest_, sequence);
    }
    for (auto entry = checkpoints.rbegin(); entry != checkpoints.rend();
         ++entry) {
      const ObjectInfo& info = entry->second;
      const Result<std::string> bytes = store_.Read(info.id, 0, info.size);
      if (!bytes) {
        if (!IsDamage(bytes.error())) return std::unexpected(bytes.error());
        continue;
      }
      const Result<Checkpoint> checkpoint = ParseCheckpoint(*bytes);
      if (!checkpoint) {
        if (!IsDamage(checkpoint.error())) {
          return std::unexpected(checkpoint.error());
        }
        continue;
      }
      // A record whose changes make no sense is the end, too.
      uint64_t limit = UINT64_MAX;
      while (true) {
        DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<uint64_t> bad,
                                   Replay(*checkpoint, limit));
        if (!bad) break;
        limit = *bad - 1;
      }
      report_.checkpoint_record = checkpoint->position.last.sequence;
      return true;
    }
    return false;
  }

  // Applies the checkpoint and the records up to `limit`. Returns the number of
  // a record that could not be applied, after which the metadata is of no use.
  Result<std::optional<uint64_t>> Replay(const Checkpoint& checkpoint,
                                         uint64_t limit) {
    metadata_ = std::make_unique<Metadata>();
    position_ = checkpoint.position;
    report_.records = 0;
    if (!metadata_->Apply(checkpoint.state)) {
      return Fail(ErrorCode::kDataLoss, "the checkpoint makes no sense");
    }
    std::optional<uint64_t> bad;
    const Status read = LogReader(store_).Read(
        position_, [&](const LogRecord& record, uint64_t) -> Result<Visit> {
          if (record.header.sequence > limit) return Visit::kStopBefore;
          if (!metadata_->Apply(record.delta)) {
            bad = record.header.sequence;
            return Visit::kStopBefore;
          }
          ++report_.records;
          return Visit::kGoOn;
        });
    if (!read && !IsDamage(read.error())) return std::unexpected(read.error());
    return bad;
  }

  // The same without a checkpoint: the longest chain of records that begins
  // with the oldest one. What refers to what is not there is left out.
  Status StartFromLog() {
    metadata_ = std::make_unique<Metadata>();
    metadata_->PutRoot({.mode = S_IFDIR | 0755,
                        .nlink = 2,
                        .atime = now_,
                        .mtime = now_,
                        .ctime = now_,
                        .btime = now_});
    for (const auto& [sequence, info] : records_) {
      const Result<std::string> bytes = store_.Read(info.id, 0, info.size);
      if (!bytes && !IsDamage(bytes.error())) {
        return std::unexpected(bytes.error());
      }
      if (!bytes) continue;
      Result<LogRecord> record = ParseRecord(*bytes);
      if (!record && !IsDamage(record.error())) {
        return std::unexpected(record.error());
      }
      if (!record) continue;
      const bool is_first = position_.last.volume_uuid.empty();
      const RecordHeader& header = record->header;
      if (is_first && header.sequence > 1) is_incomplete_ = true;
      if (!is_first && (header.sequence != position_.last.sequence + 1 ||
                        header.previous != position_.hash)) {
        continue;
      }
      DRIVEROOT_RETURN_IF_ERROR(metadata_->Apply(WhatFits(record->delta)));
      position_ = {.last = std::move(record->header), .hash = record->hash};
      ++report_.records;
    }
    return {};
  }

  // A delta without what refers to unknown objects, frames and inodes.
  Delta WhatFits(Delta delta) {
    std::set<ObjectNumber> objects;
    for (const ObjectDelta& object : delta.objects) {
      if (!object.id.empty()) objects.insert(object.number);
    }
    std::set<FrameNumber> frames;
    std::erase_if(delta.frames, [&](const FrameDelta& frame) {
      const bool fits = objects.contains(frame.object) ||
                        metadata_->FindObject(frame.object) != nullptr;
      if (fits) frames.insert(frame.number);
      return !fits;
    });
    std::set<InodeNumber> inodes;
    std::set<InodeNumber> gone;
    std::map<InodeNumber, uint32_t> modes;
    for (const InodeDelta& inode : delta.inodes) {
      if (inode.attributes) {
        modes[inode.number] = inode.attributes->mode;
      } else {
        gone.insert(inode.number);
      }
    }
    const auto mode_of = [&](InodeNumber number) -> uint32_t {
      if (gone.contains(number)) return 0;
      if (const auto mode = modes.find(number); mode != modes.end()) {
        return mode->second;
      }
      const Inode* inode = metadata_->Find(number);
      return inode == nullptr ? 0 : inode->attributes.mode;
    };
    for (InodeDelta& inode : delta.inodes) {
      // RepairTree finds it a place.
      if (inode.attributes && S_ISDIR(inode.attributes->mode) &&
          !S_ISDIR(mode_of(inode.parent))) {
        inode.parent = kRootInode;
      }
    }
    std::erase_if(delta.dentries, [&](const DentryDelta& dentry) {
      return !S_ISDIR(mode_of(dentry.directory)) ||
             (dentry.inode != kNoInode && mode_of(dentry.inode) == 0);
    });
    for (ExtentDelta& extents : delta.extents) {
      std::erase_if(extents.extents, [&](const Extent& extent) {
        return !frames.contains(extent.frame) &&
               !metadata_->FindFrame(extent.frame);
      });
    }
    std::erase_if(delta.extents, [&](const ExtentDelta& extents) {
      return !S_ISREG(mode_of(extents.inode));
    });
    std::erase_if(delta.objects, [&](const ObjectDelta& object) {
      const StoredObject* there = metadata_->FindObject(object.number);
      return object.id.empty() && there != nullptr && there->frames > 0;
    });
    return delta;
  }

  // Kept checkpoints that are not there or damaged. By their ids: a listing
  // does not show what lies in the trash.
  Status DropLostCheckpoints() {
    const std::map<uint64_t, KeptCheckpoint> kept = metadata_->checkpoints();
    for (const auto& [sequence, checkpoint] : kept) {
      const Result<LogPosition> position = ReadPosition(store_, checkpoint);
      if (position) continue;
      if (!IsDamage(position.error())) return std::unexpected(position.error());
      metadata_->DropCheckpoint(sequence);
      report_.done.push_back("the checkpoint of record " +
                             std::to_string(sequence) +
                             " is lost: that state is kept no longer");
    }
    return {};
  }

  void NoteLostRecords() {
    newest_ = std::max(newest_, position_.last.sequence);
    for (const auto& [sequence, info] : records_) {
      newest_ = std::max(newest_, sequence);
      if (sequence <= position_.last.sequence) continue;
      report_.lost_records.push_back(sequence);
      is_incomplete_ = true;
    }
  }

  // Records that could not be used, and segments that belong to no file because
  // the records are lost that made them: as files.
  Status SaveLostData() {
    std::set<ObjectId> known;
    for (const ObjectNumber number : metadata_->AllObjects()) {
      known.insert(metadata_->FindObject(number)->id);
    }
    for (const auto& [number, object] : metadata_->dead_objects()) {
      known.insert(object.id);
    }
    for (const auto& [sequence, info] : records_) {
      if (sequence <= position_.last.sequence || known.contains(info.id)) {
        continue;
      }
      DRIVEROOT_RETURN_IF_ERROR(AddRecord(sequence, info));
    }
    for (const auto& [number, info] : segments_) {
      if (known.contains(info.id)) continue;
      const auto index =
          ReadSegmentIndex(info.size, [&](uint64_t offset, uint64_t length) {
            return store_.Read(info.id, offset, length);
          });
      if (index) {
        AddFile("segment-" + std::to_string(number), info, *index);
      } else if (!IsDamage(index.error())) {
        return std::unexpected(index.error());
      }
    }
    return {};
  }

  // Its bytes as they are, as if they were frames that were not compressed.
  Status AddRecord(uint64_t sequence, const ObjectInfo& info) {
    const Result<std::string> bytes = store_.Read(info.id, 0, info.size);
    if (!bytes && !IsDamage(bytes.error())) {
      return std::unexpected(bytes.error());
    }
    if (!bytes) return {};
    std::vector<FrameDelta> pieces;
    for (uint64_t offset = 0; offset < bytes->size();
         offset += kMaxFrameBytes) {
      const std::string_view piece =
          std::string_view(*bytes).substr(offset, kMaxFrameBytes);
      const auto length = static_cast<uint32_t>(piece.size());
      pieces.push_back({.number = 0,
                        .object = 0,
                        .object_offset = offset,
                        .stored_length = length,
                        .raw_length = length,
                        .hash = Sha256(piece)});
    }
    AddFile("record-" + std::to_string(sequence), info, pieces);
    return {};
  }

  // A file in lost+found of frames in one object, one after the other.
  void AddFile(const std::string& name, const ObjectInfo& info,
               const std::vector<FrameDelta>& index) {
    const ObjectNumber object = metadata_->ReserveObject();
    metadata_->AddObject(object, info.id, info.kind, info.size,
                         /*note_change=*/true);
    const InodeNumber file = metadata_->CreateInode({.mode = S_IFREG | 0600,
                                                     .nlink = 1,
                                                     .atime = now_,
                                                     .mtime = now_,
                                                     .ctime = now_,
                                                     .btime = now_});
    uint64_t size = 0;
    for (const FrameDelta& frame : index) {
      if (frame.raw_length == 0 || frame.stored_length == 0) continue;
      metadata_->AddStoredData(file, size,
                               {.number = 0,
                                .object = object,
                                .object_offset = frame.object_offset,
                                .stored_length = frame.stored_length,
                                .raw_length = frame.raw_length,
                                .hash = frame.hash});
      size += frame.raw_length;
    }
    Attributes attributes = metadata_->Find(file)->attributes;
    attributes.size = size;
    metadata_->SetAttributes(file, attributes);
    AddToLostAndFound(*metadata_, name, file, now_);
    report_.done.push_back("data of lost records: saved as lost+found/" + name);
  }

  // A new log begins after a number that no record has.
  Status WriteDown() {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectId> ids,
                               store_.NewIds(2));
    const Result<std::string> old = store_.ReadSuperblock();
    if (old) {
      const Result<Superblock> superblock = ParseSuperblock(*old);
      if (superblock) newest_ = std::max(newest_, superblock->log.sequence);
    }
    newest_ = std::max(newest_, metadata_->records_from());
    RecordHeader& last = position_.last;
    last.type = RecordType::kClose;
    last.sequence = newest_ + 1;
    ++last.epoch;
    last.sealed_at = now_;
    last.previous = position_.hash;
    last.next_ids = {ids[0]};
    last.writer = self_;
    position_.hash = {};
    metadata_->set_records_from(last.sequence);
    const Persist once = [](const auto& call) { return call(); };
    const Result<KeptCheckpoint> written = WriteCheckpoint(
        store_, once, ids[1], position_, metadata_->FullDelta());
    if (!written) return std::unexpected(written.error());
    return {};
  }

  ObjectStore& store_;
  const WriterIdentity& self_;
  const TimeNs now_;
  SalvageReport report_;
  NumberedObjects records_;
  NumberedObjects segments_;
  std::unique_ptr<Metadata> metadata_;
  LogPosition position_;
  uint64_t newest_ = 0;         // sequence number that is in use
  bool is_incomplete_ = false;  // part of the log is lost
};

}  // namespace

Result<SalvageReport> Salvage(ObjectStore& store, const WriterIdentity& self,
                              bool steal, TimeNs now) {
  return Salvager(store, self, now).Run(steal);
}

}  // namespace driveroot
