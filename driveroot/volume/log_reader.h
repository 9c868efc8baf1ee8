// SPDX-License-Identifier: Apache-2.0
//
// LogReader reads the records of the log, one after the other and each checked,
// with the ones to come on their way already. For recovery.
//
// Thread-safety: none; one reader belongs to one thread.
#ifndef DRIVEROOT_VOLUME_LOG_READER_H_
#define DRIVEROOT_VOLUME_LOG_READER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/record.h"

namespace driveroot {

// kDataLoss: something of a volume is damaged or missing, with what to do.
std::unexpected<Error> Damaged(std::string what);
// The same with what is wrong with `object`; other errors than kDataLoss stay
// what they are.
std::unexpected<Error> Damaged(std::string_view object, const Error& error);

// Whether `record` may come after `position`.
bool Follows(const RecordHeader& record, const LogPosition& position);

// Whether to go on; with kStopBefore the record is left out.
enum class Visit { kGoOn, kStopBefore };
using RecordVisitor =
    std::function<Result<Visit>(const LogRecord& record, uint64_t bytes)>;

class LogReader {
 public:
  explicit LogReader(ObjectStore& store) : store_(store) {}

  // Begins to fetch records under these ids, the next one first.
  void Start(const std::vector<ObjectId>& ids);

  // Reads the records after `position` up to the end of the log, and advances
  // `position` with each. `visit` says whether to go on.
  //
  // kDataLoss: a record is damaged, or `visit` said so. Else the store's
  // errors.
  Status Read(LogPosition& position, const RecordVisitor& visit);

 private:
  struct Ahead {
    ObjectId id;
    std::future<Result<std::string>> bytes;
  };

  // The record of id `ids.front()`. The others are likely to be asked for next.
  Result<std::string> Next(const std::vector<ObjectId>& ids);

  ObjectStore& store_;
  std::deque<Ahead> ahead_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_LOG_READER_H_
