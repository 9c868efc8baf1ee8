// SPDX-License-Identifier: Apache-2.0
//
// CheckVolume: whether a volume is in order, for `driveroot fsck`. It only
// reads.
//
// Checked are: the superblock, the newest checkpoint and all records after it,
// with their hashes and their chain; that directories form a tree and nothing
// is outside it; link counts, sizes and parents; that each byte of each file
// has a place within an object that is there, and that what past states need is
// there, too; and, with `verify_data`, the hash of each frame, for which all
// data is read. Data that is damaged is reported with the names of its files.
#ifndef DRIVEROOT_VOLUME_CHECK_H_
#define DRIVEROOT_VOLUME_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

struct CheckOptions {
  bool verify_data = true;
  ProgressCallback progress;  // null: none is told
};

struct CheckReport {
  uint64_t inodes = 0;
  uint64_t directories = 0;
  uint64_t orphans = 0;  // unlinked while open; they go at the next mount
  uint64_t data_bytes = 0;
  uint64_t records = 0;  // after the newest checkpoint
  uint64_t objects = 0;  // that hold data
  uint64_t frames = 0;   // stored pieces of data
  uint64_t bytes_read = 0;
  // Objects that belong to no state, which garbage collection deletes.
  uint64_t unreferenced_objects = 0;
  uint64_t unreferenced_bytes = 0;

  // What is no damage and worth a word, as an object that is perhaps in the
  // trash: a sentence each.
  std::vector<std::string> notes;

  // One sentence each. Empty: the volume is in order.
  std::vector<std::string> problems;
  uint64_t more_problems = 0;  // that are not listed
};

// Damage is reported, not an error. Errors say that it could not be looked at:
// kNotFound (no volume), kUnsupportedVersion, and those of the store.
Result<CheckReport> CheckVolume(ObjectStore& store,
                                const CheckOptions& options);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CHECK_H_
