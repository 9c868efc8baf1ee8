// SPDX-License-Identifier: Apache-2.0
#include "driveroot/unsent/apply.h"

#include <cstddef>
#include <optional>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/history_point.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/writer_identity.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

std::unexpected<Error> WentOn(const UnsentFolder& folder) {
  return Fail(
      ErrorCode::kFenced,
      "the volume was changed from elsewhere after the mount that left " +
          folder.path + " had ended, so that does not fit any more");
}

std::unexpected<Error> ReadOnly() {
  return Fail(ErrorCode::kReadOnly, "this view of the volume is read-only");
}

// One that frames of the records may lie in, not one that is gone.
bool IsSegment(const ObjectDelta& object) {
  return object.kind == ObjectKind::kSegment && !object.id.empty();
}

// Where `records` go on from the log of `store`, whose end is `end`: how many
// of them are there already. kFenced: they do not.
Result<size_t> CountThere(ObjectStore& store, const UnsentFolder& folder,
                          const UnsentRecords& records,
                          const LogPosition& end) {
  const uint64_t first = records.records.front().header.sequence;
  const uint64_t last = records.records.back().header.sequence;
  const uint64_t known = end.last.sequence;
  if (known + 1 < first) return WentOn(folder);
  if (known + 1 == first) return 0;
  if (known <= last) {
    const size_t there = known - first + 1;
    if (records.records[there - 1].hash != end.hash) return WentOn(folder);
    return there;
  }
  // More came after them, or in their place.
  Metadata unused;
  const Result<RecoveredLog> past = RecoverPast(store, AtRecord{last}, unused);
  if (!past && past.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(past.error());
  }
  if (!past || past->position.hash != records.records.back().hash) {
    return WentOn(folder);
  }
  return records.records.size();
}

// An object that may be there already.
Status CreateOrFind(ObjectStore& store, const ObjectId& id, ObjectKind kind,
                    const std::string& name, std::string_view bytes) {
  const Status created = store.Create(id, kind, name, bytes);
  if (created || created.error().code() != ErrorCode::kAlreadyExists) {
    return created;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string there,
                             store.Read(id, 0, bytes.size() + 1));
  if (there == bytes) return {};
  return created;
}

// The segments that records from `first` on need, checked before anything is
// stored: sent when they were kept, else there.
Status StoreSegments(ObjectStore& store, const UnsentFolder& folder,
                     const UnsentRecords& records, size_t first) {
  for (size_t i = first; i < records.records.size(); ++i) {
    for (const ObjectDelta& object : records.records[i].delta.objects) {
      if (!IsSegment(object)) continue;
      const auto kept = folder.segments.find(object.id);
      if (kept != folder.segments.end()) {
        DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                                   UnsentFolder::Read(kept->second));
        DRIVEROOT_RETURN_IF_ERROR(CreateOrFind(
            store, object.id, object.kind, ObjectName(object.number), bytes));
        continue;
      }
      const Result<std::string> last_byte =
          store.Read(object.id, object.size - 1, 1);
      if (last_byte && last_byte->size() == 1) continue;
      if (!last_byte && last_byte.error().code() != ErrorCode::kNotFound) {
        return std::unexpected(last_byte.error());
      }
      return Fail(ErrorCode::kDataLoss,
                  "segment " + object.id +
                      ", which what was kept refers to, is neither in " +
                      folder.path + " nor on the store");
    }
  }
  return {};
}

}  // namespace

Result<UnsentRecords> ReadUnsentRecords(const UnsentFolder& folder) {
  UnsentRecords result;
  std::optional<Error> damage;
  for (const auto& [sequence, kept] : folder.records) {
    Result<std::string> bytes = UnsentFolder::Read(kept);
    Result<LogRecord> record =
        bytes ? ParseRecord(*bytes) : std::unexpected(bytes.error());
    if (record && (record->header.sequence != sequence ||
                   record->header.volume_uuid != folder.note.uuid)) {
      record = Fail(ErrorCode::kDataLoss, "it is another one");
    }
    if (record && !result.records.empty() &&
        !Follows(record->header, {.last = result.records.back().header,
                                  .hash = result.records.back().hash})) {
      record = Fail(ErrorCode::kDataLoss, "it does not follow the one before");
    }
    if (!record) {
      damage = record.error().WithContext(kept.path);
      break;
    }
    result.records.push_back(*std::move(record));
    result.bytes.push_back(*std::move(bytes));
    result.ids.push_back(kept.id);
  }
  if (!result.records.empty()) {
    if (damage) LOG(ERROR) << *damage << "; what follows it is left out";
    return result;
  }
  if (damage) return std::unexpected(*damage);
  return Fail(ErrorCode::kDataLoss, folder.path + " holds no record");
}

std::set<InodeNumber> InodesOf(const UnsentRecords& records) {
  std::set<InodeNumber> inodes;
  for (const LogRecord& record : records.records) {
    for (const InodeDelta& inode : record.delta.inodes) {
      inodes.insert(inode.number);
    }
    for (const DentryDelta& dentry : record.delta.dentries) {
      inodes.insert(dentry.directory);
    }
    for (const ExtentDelta& extent : record.delta.extents) {
      inodes.insert(extent.inode);
    }
  }
  return inodes;
}

Result<uint64_t> ApplyUnsent(ObjectStore& store, const UnsentFolder& folder,
                             bool steal) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UnsentRecords records,
                             ReadUnsentRecords(folder));
  Metadata metadata;
  DRIVEROOT_ASSIGN_OR_RETURN(const RecoveredLog log, Recover(store, metadata));
  if (log.superblock.uuid != folder.note.uuid) return WentOn(folder);
  DRIVEROOT_ASSIGN_OR_RETURN(const size_t first,
                             CountThere(store, folder, records, log.position));
  if (first == records.records.size()) return 0;
  if (!steal) {
    DRIVEROOT_RETURN_IF_ERROR(
        CheckNotInUse(log.position.last, MakeWriterIdentity("", ""), NowNs()));
  }
  // Nothing is stored that could not be read again.
  LogPosition position = log.position;
  for (size_t i = first; i < records.records.size(); ++i) {
    const LogRecord& record = records.records[i];
    if (!Follows(record.header, position) ||
        records.ids[i] != position.last.next_ids.front()) {
      return WentOn(folder);
    }
    DRIVEROOT_RETURN_IF_ERROR(metadata.Apply(record.delta));
    position = {.last = record.header, .hash = record.hash};
  }
  DRIVEROOT_RETURN_IF_ERROR(StoreSegments(store, folder, records, first));
  for (size_t i = first; i < records.records.size(); ++i) {
    const Status created = CreateOrFind(
        store, records.ids[i], ObjectKind::kLogRecord,
        ObjectName(records.records[i].header.sequence), records.bytes[i]);
    if (created) continue;
    // Somebody opened the volume at this moment.
    if (created.error().code() == ErrorCode::kAlreadyExists) {
      return WentOn(folder);
    }
    return std::unexpected(created.error());
  }
  return records.records.size() - first;
}

Status AddSegments(ObjectStore& store, UnsentWriter& writer) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UnsentFolder folder, writer.Reread());
  DRIVEROOT_ASSIGN_OR_RETURN(const UnsentRecords records,
                             ReadUnsentRecords(folder));
  for (const LogRecord& record : records.records) {
    for (const ObjectDelta& object : record.delta.objects) {
      if (!IsSegment(object) || folder.segments.contains(object.id)) {
        continue;
      }
      DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                                 store.Read(object.id, 0, object.size));
      if (bytes.size() != object.size) {
        return Fail(ErrorCode::kDataLoss,
                    "segment " + object.id + " has the wrong size");
      }
      DRIVEROOT_RETURN_IF_ERROR(
          writer.Add(object.id, ObjectKind::kSegment, "", bytes));
    }
  }
  return {};
}

const UnsentFolder::Object* UnsentOverlay::Find(const ObjectId& id) const {
  const auto segment = folder_.segments.find(id);
  if (segment != folder_.segments.end()) return &segment->second;
  if (!show_records_) return nullptr;
  for (const auto& [sequence, record] : folder_.records) {
    if (record.id == id) return &record;
  }
  return nullptr;
}

Result<std::string> UnsentOverlay::Read(const ObjectId& id, uint64_t offset,
                                        uint64_t length) {
  const UnsentFolder::Object* const kept = Find(id);
  if (kept == nullptr) return store_->Read(id, offset, length);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                             UnsentFolder::Read(*kept));
  return offset < bytes.size() ? bytes.substr(offset, length) : std::string();
}

Result<std::vector<ObjectId>> UnsentOverlay::NewIds(int) { return ReadOnly(); }

Status UnsentOverlay::Create(const ObjectId&, ObjectKind, std::string_view,
                             std::string_view) {
  return ReadOnly();
}

Status UnsentOverlay::Remove(const ObjectId&) { return ReadOnly(); }

Status UnsentOverlay::WriteSuperblock(std::string_view) { return ReadOnly(); }

Status UnsentOverlay::CreateSuperblock(std::string_view) { return ReadOnly(); }

}  // namespace driveroot
