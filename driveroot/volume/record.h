// SPDX-License-Identifier: Apache-2.0
//
// One log record: a committed transaction, as values and as bytes. FORMAT.md
// has the layout. Values; thread-safe.
#ifndef DRIVEROOT_VOLUME_RECORD_H_
#define DRIVEROOT_VOLUME_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/wire.h"

namespace driveroot {

// The version that this program writes, of all objects of a volume. It reads
// this one and those before it, and none that is higher.
inline constexpr uint32_t kFormatVersion = 3;

// Records longer than this are refused.
inline constexpr uint64_t kMaxRecordBytes = limits::kRecordBytes;

// A record names at most so many ids of records to come.
inline constexpr uint64_t kMaxNextIds = limits::kNextIds;

// kUnsupportedVersion when `version` is not one that this program reads; the
// message names the versions and says what to do.
Status CheckFormatVersion(uint64_t version);

// Who appended a record: enough to tell whether it may still be at work, and to
// say in a message whose it is. Empty: not known, as in records of an earlier
// driveroot, which have the first three alone.
struct WriterIdentity {
  std::string host_name;  // for messages; several machines may have it
  std::string boot_id;    // differs after each boot of the host
  std::string process;    // pid:start time, unique in its pid namespace
  std::string pid_namespace = {};  // its number, unique within a boot
  std::string writer_id = {};  // of the machine and user; stays over reboots
  std::string machine = {};    // tells copies of a machine apart

  friend bool operator==(const WriterIdentity&,
                         const WriterIdentity&) = default;
};

enum class RecordType : uint8_t {
  kOpen = 1,    // a writer took over: from now on its epoch counts
  kCommit = 2,  // a transaction
  kClose = 3,   // the last one of its writer
};

struct RecordHeader {
  std::string volume_uuid;
  RecordType type = RecordType::kCommit;
  uint64_t sequence = 0;  // one more than the record before
  uint64_t epoch = 0;     // one more with each open record
  TimeNs sealed_at = 0;
  // The writer knew that the records up to this one were stored. Some records
  // are on their way at the same time, so after a crash a record may be there
  // and the one before it not: unless this says that it was. 0: not known.
  uint64_t durable = 0;
  Hash previous = {};  // the record before; zeros for the first
  // The id of the record after this one, and then those of the records after
  // that, as far as they are known: a reader may fetch them all at once.
  std::vector<ObjectId> next_ids;
  WriterIdentity writer;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

// At most so many records are on their way at the same time. Thus when record n
// is not there after a crash, record n + kMaxRecordsInFlight is not either.
inline constexpr uint64_t kMaxRecordsInFlight = 4;

// A place in the log: the last record that counts, and where the next one goes.
// Sequence 0 stands for a volume that was just made.
struct LogPosition {
  RecordHeader last;
  Hash hash = {};  // of `last`

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// The ids of records that may be there already after `last`: all that it names,
// or when its writer was done, the first two: if only the second one is there,
// the first was, too.
std::vector<ObjectId> LikelyNextIds(const RecordHeader& last);

struct LogRecord {
  RecordHeader header;
  Hash hash = {};
  Delta delta;
  std::string frames;  // inline ones, as stored
};

// Where the first inline frame lies in a record.
inline constexpr uint64_t kRecordFramesOffset = 40;

// The bytes of a record, sealed; their last 32 bytes are its hash.
// kInvalidArgument: ParseRecord would not read it again.
Result<std::string> EncodeRecord(const RecordHeader& header, const Delta& delta,
                                 std::string_view frames);

// kDataLoss, kUnsupportedVersion; kNotSupported as DecodeDelta.
Result<LogRecord> ParseRecord(std::string_view bytes);

void PutRecordHeader(WireWriter& out, const RecordHeader& header);
// Refuses the reader when the header is not in order.
RecordHeader GetRecordHeader(WireReader& in);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RECORD_H_
