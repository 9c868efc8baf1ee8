// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/log_reader.h"

#include <algorithm>
#include <utility>

namespace driveroot {
namespace {

// So many records are fetched at once.
constexpr size_t kReadAhead = 8;

constexpr std::string_view kRemedy =
    "; restore it from Drive's trash or its revisions if it is there, or put "
    "back a backup of the volume, or let `driveroot fsck --repair` save what "
    "is left; driveroot changed nothing";

}  // namespace

bool Follows(const RecordHeader& record, const LogPosition& position) {
  const RecordHeader& last = position.last;
  const bool opens = record.type == RecordType::kOpen;
  return record.volume_uuid == last.volume_uuid &&
         record.sequence == last.sequence + 1 &&
         record.previous == position.hash &&
         record.epoch == last.epoch + (opens ? 1 : 0);
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

Status LogReader::Read(LogPosition& position, const RecordVisitor& visit) {
  while (true) {
    const std::vector<ObjectId> next_ids = LikelyNextIds(position.last);
    const Result<std::string> stored = Next(next_ids);
    const std::string what = "log record " +
                             std::to_string(position.last.sequence + 1) +
                             " (object " + next_ids.front() + ")";
    if (!stored && stored.error().code() == ErrorCode::kNotFound) return {};
    if (!stored) return std::unexpected(stored.error().WithContext(what));
    if (stored->size() > kMaxRecordBytes) return Damaged(what + " is too long");
    Result<LogRecord> record = ParseRecord(*stored);
    if (!record) return Damaged(what, record.error());
    if (!Follows(record->header, position)) {
      return Damaged(what + " does not follow the one before it");
    }
    const Result<Visit> visited = visit(*record, stored->size());
    if (!visited) return Damaged(what, visited.error());
    if (*visited == Visit::kStopBefore) return {};
    position = {std::move(record->header), record->hash};
  }
}

}  // namespace driveroot
