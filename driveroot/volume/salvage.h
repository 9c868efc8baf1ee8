// SPDX-License-Identifier: Apache-2.0
//
// Salvage makes a volume that cannot be opened any more one that can, from what
// of it is in order: the newest checkpoint and the log as far as it can be
// followed from there, or without any checkpoint the log alone.
//
// It writes a new checkpoint, from which a new log begins, and a superblock; it
// deletes nothing. When part of the log is lost, data that belongs to no file
// any more gets names in lost+found: the contents of segments, and records that
// could not be used, as they are.
#ifndef DRIVEROOT_VOLUME_SALVAGE_H_
#define DRIVEROOT_VOLUME_SALVAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

struct SalvageReport {
  uint64_t checkpoint_record = 0;  // that of the checkpoint it began with
  uint64_t records = 0;            // used after it
  // Records that are there and could not be used.
  std::vector<uint64_t> lost_records;
  std::vector<std::string> done;  // one sentence each
};

// kNotFound: there is nothing of a volume. kBusy: it looks in use, and `steal`
// is not set. kUnsupportedVersion, and errors of the store.
Result<SalvageReport> Salvage(ObjectStore& store, const WriterIdentity& self,
                              bool steal, TimeNs now);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_SALVAGE_H_
