// SPDX-License-Identifier: Apache-2.0
//
// LogReader reads the records of the log, one after the other and each checked,
// with the ones to come on their way already. For recovery.
//
// A record that is not there is the end of the log, or a hole in it: somebody
// removed the record. What tells them apart is evidence of later records:
// - a sequence number that is known from elsewhere, as the superblock's;
// - the records after the next one, whose ids are known: they are on their way
//   already;
// - a listing of the log, unless its last record closed it: records of later
//   writers lie under ids that the missing record named. A listing may lag, so
//   it proves that there is a record, never that there is none.
// After a crash some records may be there although one before them is not:
// those that were on their way together with it. They prove nothing unless they
// say that it was stored (RecordHeader::durable). Evidence has the record asked
// for again, and only then the log has a hole.
//
// What does not match its hash is fetched again before it is called damaged.
//
// Thread-safety: none; one reader belongs to one thread.
#ifndef DRIVEROOT_VOLUME_LOG_READER_H_
#define DRIVEROOT_VOLUME_LOG_READER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>
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

// The message of such an error without what to do.
std::string WithoutRemedy(const Error& error);

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
  // `position` with each. `visit` says whether to go on. The log is known to
  // reach to record `known` at least; 0: nothing is known.
  //
  // kDataLoss: a record is damaged or missing, or `visit` said so. Else the
  // store's errors.
  Status Read(LogPosition& position, const RecordVisitor& visit,
              uint64_t known = 0);

  // What Read found that is no damage but worth a word: a sentence each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  using Listing = Result<std::vector<ObjectInfo>>;

  struct Ahead {
    ObjectId id;
    std::future<Result<std::string>> bytes;
  };

  // The bytes of the record of id `ids.front()`. The others are likely to be
  // asked for next.
  Result<std::string> Next(const std::vector<ObjectId>& ids);

  // The record after `position` out of `stored`, or fetched again.
  Result<LogRecord> Parse(const LogPosition& position, std::string stored,
                          uint64_t& ret_bytes);

  // The record after `position` is not there. Returns its bytes if that was not
  // true, nothing at the end of the log. kDataLoss: it is missing.
  Result<std::optional<std::string>> AtEnd(const LogPosition& position,
                                           uint64_t known);
  // A record after the next one that proves that there was a next one; 0: none
  // is known.
  Result<uint64_t> FindLater(const LogPosition& position, uint64_t known);
  uint64_t FindAhead(const LogPosition& position);
  Result<uint64_t> FindListed(const LogPosition& position);

  ObjectStore& store_;
  std::deque<Ahead> ahead_;
  std::future<Listing> listing_;  // begun when the log may have to be listed
  std::vector<std::string> notes_;
};

// How to say which record this is.
std::string RecordText(uint64_t sequence, const ObjectId& id);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_LOG_READER_H_
