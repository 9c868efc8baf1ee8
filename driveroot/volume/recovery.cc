// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/recovery.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/frame_copies.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/retention.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// For how long a copy of the superblock needs no confirmation. The other half
// of the time is for clocks that differ.
constexpr TimeNs kCopyTime = kReturnTime / 2;

// `size` bytes are asked for, and one more to see whether it is longer.
Result<Checkpoint> ReadCheckpoint(ObjectStore& store, const ObjectId& id,
                                  uint64_t size) {
  const std::string what = "checkpoint " + id;
  if (size > limits::kCheckpointBytes) {
    return Damaged(what + " has an impossible size");
  }
  Result<std::string> bytes = store.Read(id, 0, size + 1);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) {
    return Damaged(what + " is missing");
  }
  if (!bytes) return std::unexpected(bytes.error().WithContext(what));
  Result<Checkpoint> checkpoint = ParseCheckpoint(*bytes);
  if (!checkpoint) return Damaged(what, checkpoint.error());
  if (bytes->size() != size) return Damaged(what + " has the wrong size");
  return checkpoint;
}

// The checkpoint that `kept` tells of, and no other.
Result<Checkpoint> ReadKept(ObjectStore& store, const KeptCheckpoint& kept) {
  DRIVEROOT_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                             ReadCheckpoint(store, kept.id, kept.size));
  if (checkpoint.hash != kept.hash ||
      checkpoint.position.last.sequence != kept.sequence) {
    return Damaged("checkpoint " + kept.id + " is not the one it should be");
  }
  return checkpoint;
}

KeptCheckpoint KeptOf(const Superblock& superblock,
                      const Checkpoint& checkpoint) {
  return {.sequence = superblock.checkpoint.sequence,
          .id = superblock.checkpoint.id,
          .hash = superblock.checkpoint.hash,
          .size = superblock.checkpoint.size,
          .sealed_at = checkpoint.position.last.sealed_at,
          .next_object = checkpoint.state.next_object};
}

Result<Checkpoint> ReadNamed(ObjectStore& store, const Superblock& superblock) {
  const auto& place = superblock.checkpoint;
  DRIVEROOT_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                             ReadKept(store, {.sequence = place.sequence,
                                              .id = place.id,
                                              .hash = place.hash,
                                              .size = place.size,
                                              .sealed_at = 0,
                                              .next_object = 0}));
  if (checkpoint.position.last.volume_uuid != superblock.uuid) {
    return Damaged("checkpoint " + place.id + " is that of another volume");
  }
  return checkpoint;
}

// The newest checkpoint that is in order, for when the one in `superblock`
// (which has no uuid when it is unreadable itself) is not. kNotFound: none.
Result<Checkpoint> FindCheckpoint(ObjectStore& store, Superblock& superblock) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<ObjectInfo> list,
                             store.List(ObjectKind::kCheckpoint));
  std::ranges::sort(list, std::ranges::greater(), &ObjectInfo::name);
  for (const ObjectInfo& info : list) {
    Result<Checkpoint> found = ReadCheckpoint(store, info.id, info.size);
    if (!found) {
      if (found.error().code() == ErrorCode::kDataLoss) continue;
      return found;
    }
    const RecordHeader& last = found->position.last;
    if (!superblock.uuid.empty() && last.volume_uuid != superblock.uuid) {
      continue;
    }
    superblock.uuid = last.volume_uuid;
    superblock.checkpoint = {.id = info.id,
                             .hash = found->hash,
                             .size = info.size,
                             .sequence = last.sequence};
    return found;
  }
  return Fail(ErrorCode::kNotFound, "no checkpoint is in order");
}

// After a checkpoint that the superblock does not name: whether the log was
// followed to its end. Records that were in flight when their writer stopped
// may lie behind the end, as many as a record names.
Status CheckEnd(ObjectStore& store, const LogPosition& end) {
  for (const auto& [kind, slack] :
       {std::pair(ObjectKind::kCheckpoint, uint64_t{0}),
        std::pair(ObjectKind::kLogRecord, kMaxNextIds)}) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                               store.List(kind));
    for (const ObjectInfo& info : list) {
      const std::optional<uint64_t> sequence = ParseObjectName(info.name);
      if (!sequence || *sequence <= end.last.sequence + slack) continue;
      return Damaged("log record " + std::to_string(end.last.sequence + 1) +
                     " is missing, though " + std::to_string(*sequence) +
                     " was written");
    }
  }
  return {};
}

// Checks that the log, which has `position`, has the record that the superblock
// knows of.
Status CheckKnownRecord(const Superblock& superblock,
                        const LogPosition& position) {
  const auto& known = superblock.log;
  if (known.sequence != position.last.sequence || known.hash == position.hash) {
    return {};
  }
  return Fail(ErrorCode::kDataLoss,
              "it is not the one that superblock.json names");
}

// What to do about a checkpoint that is not in order.
enum class Otherwise { kTakeAnother, kFail };

// Reads the checkpoint, which is applied; `reader` begins with the records
// after it at the same time.
Result<RecoveredLog> Start(ObjectStore& store,
                           const Result<Superblock>& superblock,
                           Otherwise otherwise, LogReader& reader,
                           Metadata& ret_metadata, bool& ret_is_named) {
  RecoveredLog log;
  if (superblock) reader.Start(superblock->log.next);
  Result<Checkpoint> checkpoint =
      superblock ? ReadNamed(store, *superblock)
                 : Damaged("superblock.json", superblock.error());
  if (superblock) log.superblock = *superblock;
  ret_is_named = checkpoint.has_value();
  if (!checkpoint) {
    if (otherwise == Otherwise::kFail ||
        checkpoint.error().code() != ErrorCode::kDataLoss) {
      return std::unexpected(checkpoint.error());
    }
    Result<Checkpoint> other = FindCheckpoint(store, log.superblock);
    if (!other && other.error().code() == ErrorCode::kNotFound) {
      return std::unexpected(checkpoint.error());
    }
    if (!other) return std::unexpected(other.error());
    LOG(WARNING) << checkpoint.error().message() << "; using checkpoint "
                 << log.superblock.checkpoint.id << " instead";
    checkpoint = std::move(other);
  }
  const Status applied = ret_metadata.Apply(checkpoint->state);
  if (!applied) {
    return Damaged("checkpoint " + log.superblock.checkpoint.id,
                   applied.error());
  }
  log.frame_copies = std::move(checkpoint->state.frame_copies);
  ret_metadata.KeepCheckpoint(KeptOf(log.superblock, *checkpoint));
  log.position = checkpoint->position;
  return log;
}

// The newest checkpoint at or before `point`; null when there is none.
const KeptCheckpoint* CheckpointBefore(const Metadata& present,
                                       const HistoryPoint& point) {
  const KeptCheckpoint* best = nullptr;
  for (const auto& [sequence, checkpoint] : present.checkpoints()) {
    const auto* record = std::get_if<AtRecord>(&point);
    if (record != nullptr
            ? sequence <= record->sequence
            : checkpoint.sealed_at <= std::get<AtTime>(point).time) {
      best = &checkpoint;
    }
  }
  return best;
}

std::unexpected<Error> NotKept(const Metadata& present,
                               const HistoryPoint& point) {
  std::string text;
  if (const auto* record = std::get_if<AtRecord>(&point)) {
    text = "the state after record " + std::to_string(record->sequence);
  } else {
    text = "a state that old";
  }
  // A volume from before there was a history begins with a later checkpoint.
  const auto base = present.checkpoints().lower_bound(present.records_from());
  text += " is not kept; kept are those from record " +
          std::to_string(base == present.checkpoints().end()
                             ? present.records_from()
                             : base->first) +
          " on";
  for (const auto& [sequence, checkpoint] : present.checkpoints()) {
    if (sequence >= present.records_from()) break;
    text += ", record " + std::to_string(sequence);
  }
  return Fail(ErrorCode::kNotFound, text);
}

// Recovery from what a superblock says.
Result<RecoveredLog> RecoverFrom(ObjectStore& store,
                                 const RecoverOptions& options,
                                 const Result<Superblock>& superblock,
                                 Otherwise otherwise, Metadata& ret_metadata) {
  if (superblock && options.on_superblock) options.on_superblock(*superblock);
  bool is_named = false;
  LogReader reader(store);
  DRIVEROOT_ASSIGN_OR_RETURN(
      RecoveredLog log,
      Start(store, superblock, otherwise, reader, ret_metadata, is_named));
  if (const Status known = CheckKnownRecord(log.superblock, log.position);
      !known) {
    return Damaged("log record " + std::to_string(log.position.last.sequence),
                   known.error());
  }
  ReplayedFrames replayed;
  DRIVEROOT_RETURN_IF_ERROR(reader.Read(
      log.position,
      [&](const LogRecord& record, uint64_t bytes) -> Result<Visit> {
        DRIVEROOT_RETURN_IF_ERROR(ret_metadata.Apply(record.delta));
        DRIVEROOT_RETURN_IF_ERROR(CheckKnownRecord(
            log.superblock, {.last = record.header, .hash = record.hash}));
        ++log.records;
        log.record_bytes += bytes;
        replayed.Add(record);
        return Visit::kGoOn;
      }));
  std::ranges::move(replayed.Take(ret_metadata),
                    std::back_inserter(log.frame_copies));
  if (log.superblock.log.sequence > log.position.last.sequence) {
    return Damaged("log record " +
                   std::to_string(log.position.last.sequence + 1) +
                   " is missing, though later ones were written");
  }
  if (!is_named) DRIVEROOT_RETURN_IF_ERROR(CheckEnd(store, log.position));
  return log;
}

// Whether no record after the one that the superblock names can be gone.
bool IsYoung(const Superblock& superblock, TimeNs now) {
  const TimeNs sealed_at = superblock.log.sealed_at;
  return now - kCopyTime < sealed_at && sealed_at < now + kCopyTime;
}

// Whether an error tells of what is on the store, not of the way there.
bool IsOfTheVolume(const Error& error) {
  return error.code() == ErrorCode::kDataLoss ||
         error.code() == ErrorCode::kNotFound ||
         error.code() == ErrorCode::kUnsupportedVersion;
}

}  // namespace

Result<RecoveredLog> Recover(ObjectStore& store, Metadata& ret_metadata,
                             const RecoverOptions& options) {
  std::optional<std::string> copy;
  if (options.now) copy = store.TakeSuperblockCopy();
  const Result<Superblock> copied = ParseSuperblock(copy.value_or(""));
  const bool will_do = copied && IsYoung(*copied, *options.now);
  // At once, or when it is asked for.
  std::future<Result<std::string>> superblock_json = std::async(
      copied && !will_do ? std::launch::async : std::launch::deferred,
      [&store] { return store.ReadSuperblock(); });
  std::optional<Result<std::string>> original;
  if (copied) {
    Result<RecoveredLog> log =
        RecoverFrom(store, options, copied, Otherwise::kFail, ret_metadata);
    if (!log && !IsOfTheVolume(log.error())) return log;
    if (!will_do || !log) original = superblock_json.get();
    if (log && (will_do || (*original && **original == *copy))) return log;
    LOG(INFO) << "the superblock that came with the listing is an old one; "
                 "starting over with superblock.json";
    ret_metadata = Metadata();
  }
  if (!original) original = superblock_json.get();
  DRIVEROOT_RETURN_IF_ERROR(*original);
  return RecoverFrom(store, options, ParseSuperblock(**original),
                     Otherwise::kTakeAnother, ret_metadata);
}

Result<RecoveredLog> RecoverPast(ObjectStore& store, const HistoryPoint& point,
                                 Metadata& ret_metadata,
                                 const RecoverOptions& options) {
  Metadata present;
  DRIVEROOT_ASSIGN_OR_RETURN(RecoveredLog log,
                             Recover(store, present, options));
  const auto* at_record = std::get_if<AtRecord>(&point);
  if (at_record != nullptr &&
      at_record->sequence > log.position.last.sequence) {
    return Fail(ErrorCode::kNotFound,
                "there is no record " + std::to_string(at_record->sequence) +
                    " yet; the newest is " +
                    std::to_string(log.position.last.sequence));
  }
  const KeptCheckpoint* kept = CheckpointBefore(present, point);
  if (kept == nullptr) return NotKept(present, point);
  DRIVEROOT_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                             ReadKept(store, *kept));
  const Status applied = ret_metadata.Apply(checkpoint.state);
  if (!applied) return Damaged("checkpoint " + kept->id, applied.error());
  log.position = checkpoint.position;
  log.superblock.checkpoint = {.id = kept->id,
                               .hash = kept->hash,
                               .size = kept->size,
                               .sequence = kept->sequence};
  log.records = 0;
  log.record_bytes = 0;
  if (kept->sequence >= present.records_from()) {
    DRIVEROOT_RETURN_IF_ERROR(LogReader(store).Read(
        log.position,
        [&](const LogRecord& record, uint64_t bytes) -> Result<Visit> {
          const bool is_past =
              at_record != nullptr
                  ? record.header.sequence <= at_record->sequence
                  : record.header.sealed_at <= std::get<AtTime>(point).time;
          if (!is_past) return Visit::kStopBefore;
          DRIVEROOT_RETURN_IF_ERROR(ret_metadata.Apply(record.delta));
          ++log.records;
          log.record_bytes += bytes;
          return Visit::kGoOn;
        }));
  }
  if (at_record != nullptr &&
      log.position.last.sequence != at_record->sequence) {
    return NotKept(present, point);
  }
  return log;
}

Result<LogPosition> ReadPosition(ObjectStore& store,
                                 const KeptCheckpoint& checkpoint) {
  DRIVEROOT_ASSIGN_OR_RETURN(Checkpoint read, ReadKept(store, checkpoint));
  return std::move(read.position);
}

}  // namespace driveroot
