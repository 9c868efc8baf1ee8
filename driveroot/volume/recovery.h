// SPDX-License-Identifier: Apache-2.0
//
// Finding a volume's newest state: the superblock, the checkpoint that it
// names, and the log records after that. Every byte is checked on the way.
// Thread-safe.
#ifndef DRIVEROOT_VOLUME_RECOVERY_H_
#define DRIVEROOT_VOLUME_RECOVERY_H_

#include <cstdint>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/superblock.h"

namespace driveroot {

struct RecoveredLog {
  Superblock superblock;
  LogPosition position;  // the end of the log
  uint64_t records = 0;  // after the checkpoint
  uint64_t record_bytes = 0;
};

// Fills `ret_metadata`, which is empty, with the newest state.
//
// kNotFound: there is no volume. kUnsupportedVersion: it is of a newer
// driveroot. kDataLoss: something is damaged or missing; the message names the
// object and says what to do. Else the store's errors.
Result<RecoveredLog> Recover(ObjectStore& store, Metadata& ret_metadata);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RECOVERY_H_
