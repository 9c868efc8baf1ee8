// SPDX-License-Identifier: Apache-2.0
//
// superblock.json: what a reader starts with. A hint: it names a checkpoint,
// and a record at or before the end of the log, both perhaps not the newest.
// Values; thread-safe.
#ifndef DRIVEROOT_VOLUME_SUPERBLOCK_H_
#define DRIVEROOT_VOLUME_SUPERBLOCK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/limits.h"

namespace driveroot {

struct Superblock {
  std::string uuid;

  struct {
    ObjectId id;
    Hash hash = {};
    uint64_t size = 0;      // bytes
    uint64_t sequence = 0;  // of the last record that it covers
  } checkpoint;

  // The log reaches at least to here; sequence 0: no record yet.
  struct {
    uint64_t sequence = 0;
    Hash hash = {};
    TimeNs sealed_at = 0;  // that record; 0: not known
    // Where records after that may lie, the next one first: they are asked for
    // at the same time as the checkpoint. Perhaps none are named.
    std::vector<ObjectId> next = {};
  } log;

  // What a machine that boots from the volume reads first, in this order: it is
  // asked for at the same time, too. Perhaps nothing, perhaps what is not there
  // any more.
  std::vector<ObjectRange> boot = {};
};

inline constexpr size_t kMaxBootRanges = limits::kBootRanges;

// kInvalidArgument: ParseSuperblock would not read it again.
Result<std::string> EncodeSuperblock(const Superblock& superblock);

// kDataLoss, kUnsupportedVersion.
Result<Superblock> ParseSuperblock(std::string_view bytes);

// What README.txt in a volume's folder says.
std::string ReadmeText(std::string_view uuid);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_SUPERBLOCK_H_
