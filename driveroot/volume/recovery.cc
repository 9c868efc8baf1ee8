// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/recovery.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
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

// How often what does not match its hash is fetched.
constexpr int kAttempts = 2;

// Reads a checkpoint of `size` bytes, of which `kept` tells more, if there is
// one. What does not match is fetched once more before it is called damaged.
Result<Checkpoint> ReadCheckpoint(ObjectStore& store, const ObjectId& id,
                                  uint64_t size,
                                  const KeptCheckpoint* kept = nullptr) {
  const std::string what = "checkpoint " + id;
  if (size > limits::kCheckpointBytes) {
    return Damaged(what + " has an impossible size");
  }
  const auto parse = [&](std::string_view bytes) -> Result<Checkpoint> {
    DRIVEROOT_ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(bytes));
    if (bytes.size() != size) {
      return Fail(ErrorCode::kDataLoss, "it has the wrong size");
    }
    if (kept != nullptr &&
        (checkpoint.hash != kept->hash ||
         checkpoint.position.last.sequence != kept->sequence)) {
      return Fail(ErrorCode::kDataLoss, "it is not the one it should be");
    }
    return checkpoint;
  };
  Result<Checkpoint> checkpoint;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // One byte more, to see whether it is longer.
    const Result<std::string> bytes = store.Read(id, 0, size + 1);
    if (!bytes && bytes.error().code() == ErrorCode::kNotFound) {
      return Damaged(what + " is missing");
    }
    if (!bytes) return Damaged(what, bytes.error());
    checkpoint = parse(*bytes);
    if (checkpoint) return checkpoint;
  }
  return Damaged(what, checkpoint.error());
}

// The checkpoint that `kept` tells of, and no other.
Result<Checkpoint> ReadKept(ObjectStore& store, const KeptCheckpoint& kept) {
  return ReadCheckpoint(store, kept.id, kept.size, &kept);
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

// Of a record, whose checkpoint it is then, or of a volume that ends with it.
struct ListedCheckpoint {
  ObjectInfo info;
  Checkpoint checkpoint;
};

// The newest checkpoint that is in order and of a record after `after`; nothing
// when there is none. Of several volumes' checkpoints, which is not so in
// order, that of the one of `uuid` if possible.
Result<std::optional<ListedCheckpoint>> FindCheckpoint(
    ObjectStore& store, std::string_view uuid, std::optional<uint64_t> after) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<ObjectInfo> list,
                             store.List(ObjectKind::kCheckpoint));
  // What somebody renamed comes first, since only its bytes tell how new it is.
  std::ranges::sort(list, std::ranges::greater(), [](const ObjectInfo& info) {
    return ParseObjectName(info.name).value_or(UINT64_MAX);
  });
  std::optional<ListedCheckpoint> best;
  for (const ObjectInfo& info : list) {
    const std::optional<uint64_t> number = ParseObjectName(info.name);
    const bool has_uuid =
        best &&
        (uuid.empty() || best->checkpoint.position.last.volume_uuid == uuid);
    if (number && has_uuid &&
        *number <= best->checkpoint.position.last.sequence) {
      break;
    }
    if (number && after && *number <= *after) break;
    Result<Checkpoint> found = ReadCheckpoint(store, info.id, info.size);
    if (!found) {
      if (found.error().code() == ErrorCode::kDataLoss) continue;
      return std::unexpected(found.error());
    }
    const auto rank = [uuid](const RecordHeader& last) {
      return std::tuple(!uuid.empty() && last.volume_uuid == uuid,
                        last.sequence, last.sealed_at);
    };
    const RecordHeader& last = found->position.last;
    if (after && last.sequence <= *after) continue;
    if (!best || rank(last) > rank(best->checkpoint.position.last)) {
      best.emplace(info, *std::move(found));
    }
  }
  return best;
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

// Goes on from `checkpoint`, which is the one that `superblock` names, to the
// end of the log. `ret_position` says how far it got, also after an error.
Result<RecoveredLog> Replay(Superblock superblock, Checkpoint checkpoint,
                            LogReader& reader, Metadata& ret_metadata,
                            LogPosition& ret_position) {
  RecoveredLog log;
  ret_position = std::move(checkpoint.position);
  if (const Status known = CheckKnownRecord(superblock, ret_position); !known) {
    return Damaged("log record " + std::to_string(ret_position.last.sequence),
                   known.error());
  }
  if (const Status applied = ret_metadata.Apply(checkpoint.state); !applied) {
    return Damaged("checkpoint " + superblock.checkpoint.id, applied.error());
  }
  log.frame_copies = std::move(checkpoint.state.frame_copies);
  ret_metadata.KeepCheckpoint({.sequence = superblock.checkpoint.sequence,
                               .id = superblock.checkpoint.id,
                               .hash = superblock.checkpoint.hash,
                               .size = superblock.checkpoint.size,
                               .sealed_at = ret_position.last.sealed_at,
                               .next_object = checkpoint.state.next_object});
  ReplayedFrames replayed;
  DRIVEROOT_RETURN_IF_ERROR(reader.Read(
      ret_position,
      [&](const LogRecord& record, uint64_t bytes) -> Result<Visit> {
        DRIVEROOT_RETURN_IF_ERROR(ret_metadata.Apply(record.delta));
        DRIVEROOT_RETURN_IF_ERROR(CheckKnownRecord(
            superblock, {.last = record.header, .hash = record.hash}));
        ++log.records;
        log.record_bytes += bytes;
        replayed.Add(record);
        return Visit::kGoOn;
      },
      superblock.log.sequence));
  std::ranges::move(replayed.Take(ret_metadata),
                    std::back_inserter(log.frame_copies));
  log.notes = reader.notes();
  log.superblock = std::move(superblock);
  log.position = ret_position;
  return log;
}

// Whether all data that the state refers to is there. A volume that is being
// made has a checkpoint before all its data.
Result<bool> HasItsData(ObjectStore& store, const Metadata& metadata) {
  std::map<ObjectId, uint64_t> sizes;
  for (const ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment}) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                               store.List(kind));
    for (const ObjectInfo& info : list) sizes[info.id] = info.size;
  }
  for (const ObjectNumber number : metadata.AllObjects()) {
    const StoredObject& object = *metadata.FindObject(number);
    if (object.frames == 0 || object.size == 0) continue;
    const auto listed = sizes.find(object.id);
    if (listed != sizes.end() && listed->second >= object.size) continue;
    // The listing may lag.
    const Result<std::string> last = store.Read(object.id, object.size - 1, 1);
    if (last && !last->empty()) continue;
    if (last || last.error().code() == ErrorCode::kNotFound ||
        last.error().code() == ErrorCode::kDataLoss) {
      return false;
    }
    return std::unexpected(last.error());
  }
  return true;
}

// Why a volume cannot be read from what its superblock names.
struct Trouble {
  Error error;
  // The record after which the log from the named checkpoint cannot be
  // followed; nothing when that checkpoint is of no use itself.
  std::optional<uint64_t> end = {};
};

// Recovery from the newest other checkpoint.
Result<RecoveredLog> RecoverOtherwise(ObjectStore& store,
                                      const Result<Superblock>& named,
                                      const Trouble& trouble,
                                      Metadata& ret_metadata) {
  const bool is_gone = !named && named.error().code() == ErrorCode::kNotFound;
  DRIVEROOT_ASSIGN_OR_RETURN(
      std::optional<ListedCheckpoint> other,
      FindCheckpoint(store, named ? named->uuid : std::string(), trouble.end));
  if (!other && is_gone) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> records,
                               store.List(ObjectKind::kLogRecord));
    // The first one alone may be of a volume that is being made.
    if (std::ranges::any_of(records, [](const ObjectInfo& info) {
          return ParseObjectName(info.name).value_or(0) > 1;
        })) {
      return Damaged("superblock.json and all checkpoints are missing");
    }
  }
  if (!other) return std::unexpected(trouble.error);
  const RecordHeader& last = other->checkpoint.position.last;
  Superblock superblock;
  if (named && named->uuid == last.volume_uuid) superblock.log = named->log;
  superblock.uuid = last.volume_uuid;
  superblock.checkpoint = {.id = other->info.id,
                           .hash = other->checkpoint.hash,
                           .size = other->info.size,
                           .sequence = last.sequence};
  // Of records that the checkpoint covers there is no more to say.
  if (superblock.log.sequence < last.sequence) superblock.log = {};
  LogReader reader(store);
  LogPosition position;
  ret_metadata = Metadata();
  Result<RecoveredLog> log =
      Replay(std::move(superblock), std::move(other->checkpoint), reader,
             ret_metadata, position);
  if (!log) {
    if (log.error().code() != ErrorCode::kDataLoss || is_gone) return log;
    return std::unexpected(trouble.error);
  }
  if (is_gone && log->position.last.sequence <= 1) {
    DRIVEROOT_ASSIGN_OR_RETURN(const bool is_whole,
                               HasItsData(store, ret_metadata));
    if (!is_whole) {
      ret_metadata = Metadata();
      return std::unexpected(trouble.error);
    }
  }
  log->notes.push_back(
      (is_gone ? "superblock.json is missing" : WithoutRemedy(trouble.error)) +
      "; checkpoint " + log->superblock.checkpoint.id + " of record " +
      std::to_string(log->superblock.checkpoint.sequence) +
      " led to the same state; closing the volume or `driveroot fsck --repair` "
      "mends this");
  LOG(WARNING) << log->notes.back();
  log->is_detour = true;
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

// What to do about what is not in order.
enum class Otherwise { kTakeAnother, kFail };

// Recovery from what a superblock says.
Result<RecoveredLog> RecoverFrom(ObjectStore& store,
                                 const RecoverOptions& options,
                                 const Result<Superblock>& superblock,
                                 Otherwise otherwise, Metadata& ret_metadata) {
  Trouble trouble{.error{ErrorCode::kDataLoss, ""}};
  if (superblock) {
    if (options.on_superblock) options.on_superblock(*superblock);
    LogReader reader(store);
    reader.Start(superblock->log.next);
    Result<Checkpoint> checkpoint = ReadNamed(store, *superblock);
    if (checkpoint) {
      LogPosition position;
      Result<RecoveredLog> log = Replay(*superblock, *std::move(checkpoint),
                                        reader, ret_metadata, position);
      if (log) return log;
      trouble = {.error = log.error(), .end = position.last.sequence};
    } else {
      trouble.error = checkpoint.error();
    }
  } else if (superblock.error().code() == ErrorCode::kNotFound) {
    trouble.error = superblock.error();
  } else {
    trouble.error = Damaged("superblock.json", superblock.error()).error();
  }
  const ErrorCode code = trouble.error.code();
  if (otherwise == Otherwise::kFail ||
      (code != ErrorCode::kDataLoss && code != ErrorCode::kNotFound)) {
    return std::unexpected(trouble.error);
  }
  return RecoverOtherwise(store, superblock, trouble, ret_metadata);
}

// Whether no record after the one that the superblock names can be gone.
bool IsYoung(const Superblock& superblock, TimeNs now) {
  const TimeNs sealed_at = superblock.log.sealed_at;
  return now - kCopyTime < sealed_at && sealed_at < now + kCopyTime;
}

// kNotFound: there is none.
Result<Superblock> ParseOrReadAgain(ObjectStore& store,
                                    const Result<std::string>& bytes) {
  DRIVEROOT_RETURN_IF_ERROR(bytes);
  Result<Superblock> superblock = ParseSuperblock(*bytes);
  for (int attempt = 1; !superblock && attempt < kAttempts; ++attempt) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string again, store.ReadSuperblock());
    superblock = ParseSuperblock(again);
  }
  return superblock;
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
  return RecoverFrom(store, options, ParseOrReadAgain(store, *original),
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
