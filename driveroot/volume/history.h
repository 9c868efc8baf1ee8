// SPDX-License-Identifier: Apache-2.0
//
// The past of a volume, for `driveroot log`. It only reads. Thread-safe.
#ifndef DRIVEROOT_VOLUME_HISTORY_H_
#define DRIVEROOT_VOLUME_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

struct HistoryRecord {
  RecordHeader header;
  uint64_t bytes = 0;   // of the record
  uint64_t inodes = 0;  // that it changed
};

struct VolumeHistory {
  std::string uuid;
  uint64_t newest_record = 0;
  // All records after this one are kept.
  uint64_t records_from = 0;
  std::vector<KeptCheckpoint> checkpoints;  // kept, oldest first
  std::vector<HistoryRecord> records;       // oldest first
  // Of objects that hold the data of the present state, and of those that only
  // past states need. Bytes.
  uint64_t present_bytes = 0;
  uint64_t live_bytes = 0;  // of present_bytes, what is not overwritten
  uint64_t past_bytes = 0;
};

// With `all` every record that is kept, else at least the last `min_records`
// of them. Errors as those of Volume::Open.
Result<VolumeHistory> ReadHistory(ObjectStore& store, bool all,
                                  uint64_t min_records);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_HISTORY_H_
