// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/log_reader.h"

#include <algorithm>
#include <utility>

#include "driveroot/volume/checkpoint.h"

namespace driveroot {
namespace {

// So many records are fetched at once.
constexpr size_t kReadAhead = 8;

// How often a record is asked for again that is not there and should be.
constexpr int kAttempts = 3;

constexpr std::string_view kRemedy =
    "; restore it from Drive's trash or its revisions if it is there, or put "
    "back a backup of the volume, or let `driveroot fsck --repair` save what "
    "is left; driveroot changed nothing";

// What of a listing is looked at: after a crash, there are not many more
// records than were on their way.
constexpr size_t kMaxListedRecords = 16;

enum class Later {
  kProof,     // the record after the end was stored once
  kInFlight,  // perhaps not: it was on its way at the same time
  kNone,      // of another volume, or of a writer who had lost this one
};

// What a record that is there tells of the one after `end`, which is not.
Later ToldBy(const RecordHeader& record, const LogPosition& end) {
  const RecordHeader& last = end.last;
  if (record.volume_uuid != last.volume_uuid ||
      record.sequence <= last.sequence || record.epoch < last.epoch) {
    return Later::kNone;
  }
  // A writer waits until its open record is stored before it appends another.
  const bool is_proof = record.epoch > last.epoch ||
                        record.durable > last.sequence ||
                        record.sequence > last.sequence + kMaxRecordsInFlight;
  return is_proof ? Later::kProof : Later::kInFlight;
}

}  // namespace

bool Follows(const RecordHeader& record, const LogPosition& position) {
  const RecordHeader& last = position.last;
  const bool opens = record.type == RecordType::kOpen;
  return record.volume_uuid == last.volume_uuid &&
         record.sequence == last.sequence + 1 &&
         record.previous == position.hash &&
         record.epoch == last.epoch + (opens ? 1 : 0);
}

std::string RecordText(uint64_t sequence, const ObjectId& id) {
  return "log record " + std::to_string(sequence) + " (object " + id + ")";
}

std::unexpected<Error> Damaged(std::string what) {
  return Fail(ErrorCode::kDataLoss, what.append(kRemedy));
}

std::unexpected<Error> Damaged(std::string_view object, const Error& error) {
  if (error.code() != ErrorCode::kDataLoss) {
    return std::unexpected(error.WithContext(object));
  }
  return Damaged(std::string(object) + ": " + error.message());
}

std::string WithoutRemedy(const Error& error) {
  const std::string& message = error.message();
  return message.ends_with(kRemedy)
             ? message.substr(0, message.size() - kRemedy.size())
             : message;
}

Result<std::string> LogReader::Next(const std::vector<ObjectId>& ids) {
  Start(ids);
  Result<std::string> bytes = ahead_.front().bytes.get();
  ahead_.pop_front();
  return bytes;
}

void LogReader::Start(const std::vector<ObjectId>& ids) {
  if (ids.empty()) return;
  if (ahead_.empty() || ahead_.front().id != ids.front()) ahead_.clear();
  for (size_t i = ahead_.size(); i < std::min(ids.size(), kReadAhead); ++i) {
    // Only while each is followed by what was read ahead before it.
    ahead_.push_back(
        {ids[i], std::async(std::launch::async, [this, id = ids[i]] {
           return store_.Read(id, 0, kMaxRecordBytes + 1);
         })});
  }
}

Status LogReader::Read(LogPosition& position, const RecordVisitor& visit,
                       uint64_t known) {
  while (true) {
    const std::vector<ObjectId> next_ids = LikelyNextIds(position.last);
    const std::string what =
        RecordText(position.last.sequence + 1, next_ids.front());
    Result<std::string> stored = Next(next_ids);
    if (!stored && stored.error().code() == ErrorCode::kNotFound) {
      DRIVEROOT_ASSIGN_OR_RETURN(std::optional<std::string> after_all,
                                 AtEnd(position, known));
      if (!after_all) return {};
      stored = *std::move(after_all);
    }
    if (!stored) return Damaged(what, stored.error());
    uint64_t bytes = 0;
    Result<LogRecord> record = Parse(position, *std::move(stored), bytes);
    if (!record) return Damaged(what, record.error());
    const Result<Visit> visited = visit(*record, bytes);
    if (!visited) return Damaged(what, visited.error());
    if (*visited == Visit::kStopBefore) return {};
    position = {std::move(record->header), record->hash};
    // A log with records after its checkpoint most likely ends unclosed.
    if (!listing_.valid() && position.last.type != RecordType::kClose) {
      listing_ = std::async(std::launch::async, [this] {
        return store_.List(ObjectKind::kLogRecord);
      });
    }
  }
}

Result<LogRecord> LogReader::Parse(const LogPosition& position,
                                   std::string stored, uint64_t& ret_bytes) {
  const auto parse = [&position](std::string_view bytes) -> Result<LogRecord> {
    if (bytes.size() > kMaxRecordBytes) {
      return Fail(ErrorCode::kDataLoss, "it is too long");
    }
    DRIVEROOT_ASSIGN_OR_RETURN(LogRecord record, ParseRecord(bytes));
    if (Follows(record.header, position)) return record;
    return Fail(ErrorCode::kDataLoss, "it does not follow the one before it");
  };
  Result<LogRecord> record = parse(stored);
  if (!record) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        stored, store_.Read(LikelyNextIds(position.last).front(), 0,
                            kMaxRecordBytes + 1));
    record = parse(stored);
  }
  ret_bytes = stored.size();
  return record;
}

Result<std::optional<std::string>> LogReader::AtEnd(const LogPosition& position,
                                                    uint64_t known) {
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t later, FindLater(position, known));
  ahead_.clear();
  if (later == 0) return std::nullopt;
  const ObjectId& id = position.last.next_ids.front();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Result<std::string> bytes = store_.Read(id, 0, kMaxRecordBytes + 1);
    if (bytes) return *std::move(bytes);
    if (bytes.error().code() != ErrorCode::kNotFound) {
      return std::unexpected(std::move(bytes).error());
    }
  }
  const uint64_t missing = position.last.sequence + 1;
  return Damaged(RecordText(missing, id) + " is missing, though " +
                 (later == missing ? "it" : "record " + std::to_string(later)) +
                 " was written");
}

Result<uint64_t> LogReader::FindLater(const LogPosition& position,
                                      uint64_t known) {
  if (known > position.last.sequence) return known;
  if (const uint64_t ahead = FindAhead(position); ahead > 0) return ahead;
  if (position.last.type == RecordType::kClose) return 0;
  return FindListed(position);
}

uint64_t LogReader::FindAhead(const LogPosition& position) {
  uint64_t sequence = position.last.sequence + 1;
  for (Ahead& ahead : ahead_) {
    ++sequence;
    const Result<std::string> bytes = ahead.bytes.get();
    // What cannot be read now is left to the listing.
    if (!bytes) continue;
    const Result<LogRecord> record = ParseRecord(*bytes);
    // Whatever is in it, the object was made for the record of that number.
    const bool is_proof =
        record ? ToldBy(record->header, position) == Later::kProof
               : sequence > position.last.sequence + kMaxRecordsInFlight;
    if (is_proof) return sequence;
    notes_.push_back("log record " + std::to_string(sequence) +
                     " is there and the one before it is not: it was on its "
                     "way when its writer stopped, and counts for nothing");
  }
  return 0;
}

Result<uint64_t> LogReader::FindListed(const LogPosition& position) {
  const Listing listing =
      listing_.valid() ? listing_.get() : store_.List(ObjectKind::kLogRecord);
  if (!listing) {
    return std::unexpected(listing.error().WithContext("cannot list the log"));
  }
  std::vector<std::pair<uint64_t, ObjectId>> candidates;
  for (const ObjectInfo& info : *listing) {
    const std::optional<uint64_t> sequence = ParseObjectName(info.name);
    if (info.id == position.last.next_ids.front()) {
      return position.last.sequence + 1;
    }
    if (!sequence || *sequence <= position.last.sequence) continue;
    candidates.emplace_back(*sequence, info.id);
  }
  std::ranges::sort(candidates, std::ranges::greater());
  if (candidates.size() > kMaxListedRecords) {
    candidates.resize(kMaxListedRecords);
  }
  for (const auto& [sequence, id] : candidates) {
    const Result<std::string> bytes = store_.Read(id, 0, kMaxRecordBytes + 1);
    if (!bytes) {
      if (bytes.error().code() == ErrorCode::kNotFound ||
          bytes.error().code() == ErrorCode::kDataLoss) {
        continue;
      }
      return std::unexpected(bytes.error());
    }
    const Result<LogRecord> record = ParseRecord(*bytes);
    if (record && ToldBy(record->header, position) == Later::kProof) {
      return record->header.sequence;
    }
  }
  return 0;
}

}  // namespace driveroot
