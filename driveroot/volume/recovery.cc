// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/recovery.h"

#include <algorithm>
#include <deque>
#include <future>
#include <string>
#include <utility>

#include "driveroot/volume/checkpoint.h"

namespace driveroot {
namespace {

// Checkpoints longer than this are refused: 250 bytes for each of 16 million
// inodes.
constexpr uint64_t kMaxCheckpointBytes = uint64_t{4} << 30;

// So many records are fetched at once.
constexpr size_t kReadAhead = 8;

constexpr std::string_view kRemedy =
    "; restore it from Drive's trash or its revisions if it is there, or put "
    "back a backup of the volume; driveroot changed nothing";

std::unexpected<Error> Damaged(std::string what) {
  return Fail(ErrorCode::kDataLoss, what.append(kRemedy));
}

std::unexpected<Error> Damaged(std::string_view object, const Error& error) {
  if (error.code() != ErrorCode::kDataLoss) {
    return std::unexpected(error.WithContext(object));
  }
  return Damaged(std::string(object) + ": " + error.message());
}

// Log records, in order, with the ones to come on their way already.
class LogReader {
 public:
  explicit LogReader(ObjectStore& store) : store_(store) {}

  // The record of id `ids.front()`. The others are likely to be asked for next.
  Result<std::string> Read(const std::vector<ObjectId>& ids) {
    if (ahead_.empty() || ahead_.front().id != ids.front()) ahead_.clear();
    for (size_t i = ahead_.size(); i < std::min(ids.size(), kReadAhead); ++i) {
      // Only while each is followed by what was read ahead before it.
      ahead_.push_back(
          {ids[i], std::async(std::launch::async, [this, id = ids[i]] {
             return store_.Read(id, 0, kMaxRecordBytes + 1);
           })});
    }
    Result<std::string> bytes = ahead_.front().bytes.get();
    ahead_.pop_front();
    return bytes;
  }

 private:
  struct Ahead {
    ObjectId id;
    std::future<Result<std::string>> bytes;
  };

  ObjectStore& store_;
  std::deque<Ahead> ahead_;
};

Result<Checkpoint> ReadCheckpoint(ObjectStore& store,
                                  const Superblock& superblock) {
  const auto& place = superblock.checkpoint;
  const std::string what = "checkpoint " + place.id;
  if (place.size > kMaxCheckpointBytes) {
    return Damaged(what + " has an impossible size");
  }
  Result<std::string> bytes = store.Read(place.id, 0, place.size + 1);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) {
    return Damaged(what + " is missing");
  }
  if (!bytes) return std::unexpected(bytes.error().WithContext(what));
  Result<Checkpoint> checkpoint = ParseCheckpoint(*bytes);
  if (!checkpoint) return Damaged(what, checkpoint.error());
  const RecordHeader& last = checkpoint->position.last;
  if (bytes->size() != place.size ||
      !bytes->ends_with(
          std::string_view(reinterpret_cast<const char*>(place.hash.data()),
                           place.hash.size())) ||
      last.volume_uuid != superblock.uuid || last.sequence != place.sequence) {
    return Damaged(what + " is not the one that superblock.json names");
  }
  return checkpoint;
}

// Whether `record` may come after `position`.
bool Follows(const RecordHeader& record, const LogPosition& position) {
  const RecordHeader& last = position.last;
  const bool opens = record.type == RecordType::kOpen;
  return record.volume_uuid == last.volume_uuid &&
         record.sequence == last.sequence + 1 &&
         record.previous == position.hash &&
         record.epoch == last.epoch + (opens ? 1 : 0);
}

// Checks that the log, which goes on at `log.position`, has the record that the
// superblock knows of.
Status CheckKnownRecord(const RecoveredLog& log) {
  const auto& known = log.superblock.log;
  if (known.sequence != log.position.last.sequence ||
      known.hash == log.position.hash) {
    return {};
  }
  return Damaged("log record " + std::to_string(known.sequence) +
                 " is not the one that superblock.json names");
}

}  // namespace

Result<RecoveredLog> Recover(ObjectStore& store, Metadata& ret_metadata) {
  RecoveredLog log;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes, store.ReadSuperblock());
  Result<Superblock> superblock = ParseSuperblock(bytes);
  if (!superblock) return Damaged("superblock.json", superblock.error());
  log.superblock = *std::move(superblock);
  {
    DRIVEROOT_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                               ReadCheckpoint(store, log.superblock));
    const Status applied = ret_metadata.Apply(checkpoint.state);
    if (!applied) {
      return Damaged("checkpoint " + log.superblock.checkpoint.id,
                     applied.error());
    }
    log.position = checkpoint.position;
  }
  LogReader reader(store);
  while (true) {
    DRIVEROOT_RETURN_IF_ERROR(CheckKnownRecord(log));
    const std::vector<ObjectId> next_ids = log.position.last.next_ids;
    const Result<std::string> stored = reader.Read(next_ids);
    const std::string what = "log record " +
                             std::to_string(log.position.last.sequence + 1) +
                             " (object " + next_ids.front() + ")";
    if (!stored && stored.error().code() == ErrorCode::kNotFound) break;
    if (!stored) return std::unexpected(stored.error().WithContext(what));
    if (stored->size() > kMaxRecordBytes) return Damaged(what + " is too long");
    Result<LogRecord> record = ParseRecord(*stored);
    if (!record) return Damaged(what, record.error());
    if (!Follows(record->header, log.position)) {
      return Damaged(what + " does not follow the one before it");
    }
    const Status applied = ret_metadata.Apply(record->delta);
    if (!applied) return Damaged(what, applied.error());
    log.position = {std::move(record->header), record->hash};
    ++log.records;
    log.record_bytes += stored->size();
  }
  if (log.superblock.log.sequence > log.position.last.sequence) {
    return Damaged("log record " +
                   std::to_string(log.position.last.sequence + 1) +
                   " is missing, though later ones were written");
  }
  return log;
}

}  // namespace driveroot
