// SPDX-License-Identifier: Apache-2.0
//
// Finding a volume's state: the superblock, a checkpoint, and the log records
// after that. Every byte is checked on the way. Thread-safe.
//
// The superblock says where to start. When it is missing or damaged, or the
// checkpoint that it names, or the log after that, the newest other checkpoint
// that is in order is taken, which a listing finds, since the log after it
// leads to the same state. log_reader.h says how the end of the log is told.
//
// A volume that is being made has no superblock yet. Its first checkpoint alone
// is no volume before all data that it refers to is there.
//
// A copy of it that came along when the store was opened saves a round trip,
// but may be older than superblock.json: a listing lags. From whatever record a
// copy names the log leads to its end, as long as no record after that is gone.
// None is for an hour (kReturnTime), so a copy that is younger than half of
// that will do. Otherwise superblock.json is read at the same time as what the
// copy names, which costs a request and no time, and unless it is the same,
// recovery starts over with it, as it does when what a copy names is damaged or
// missing.
#ifndef DRIVEROOT_VOLUME_RECOVERY_H_
#define DRIVEROOT_VOLUME_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/history_point.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/superblock.h"

namespace driveroot {

struct RecoveredLog {
  bool is_new = false;    // there is no volume yet, the first commit makes it
  Superblock superblock;  // its checkpoint is the one that was used
  LogPosition position;   // the last record that counts
  uint64_t records = 0;   // after the checkpoint
  uint64_t record_bytes = 0;
  // What superblock.json names was of no use, or there is none.
  bool is_detour = false;
  // What was not in order on the way and did no harm: a sentence each.
  std::vector<std::string> notes;
  // Of what was read on the way: for the cache.
  std::vector<FrameCopy> frame_copies;
};

struct RecoverOptions {
  // The time, by which the age of a copy of the superblock is told. None: no
  // copy will do, as for whoever wants to know whether all is in order.
  std::optional<TimeNs> now = {};
  // Told of the superblock as soon as it is known, before anything else is read
  // that it names; once more when recovery starts over.
  std::function<void(const Superblock&)> on_superblock = {};
};

// Fills `ret_metadata`, which is empty, with the newest state. The checkpoint
// that was used is among the kept ones then.
//
// kNotFound: there is no volume. kUnsupportedVersion: it is of a newer
// driveroot. kDataLoss: something is damaged or missing; the message names the
// object and says what to do. Else the store's errors.
Result<RecoveredLog> Recover(ObjectStore& store, Metadata& ret_metadata,
                             const RecoverOptions& options = {});

// The same for the state at a point of the past, with the newest checkpoint
// before it. kNotFound: that point is not kept, or yet to come; the message
// says which there are.
Result<RecoveredLog> RecoverPast(ObjectStore& store, const HistoryPoint& point,
                                 Metadata& ret_metadata,
                                 const RecoverOptions& options = {});

// Where the log goes on after a kept checkpoint.
Result<LogPosition> ReadPosition(ObjectStore& store,
                                 const KeptCheckpoint& checkpoint);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RECOVERY_H_
