// SPDX-License-Identifier: Apache-2.0
//
// What a compaction did. A value.
#ifndef DRIVEROOT_VOLUME_COMPACTION_RESULT_H_
#define DRIVEROOT_VOLUME_COMPACTION_RESULT_H_

#include <cstdint>

namespace driveroot {

struct CompactionResult {
  uint64_t frames = 0;  // moved
  uint64_t bytes = 0;   // of them, as stored
  uint64_t segments = 0;
  uint64_t bytes_written = 0;  // of segments
  // Frames whose bytes do not match their hash, or are missing: they stay where
  // they are.
  uint64_t damaged = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_COMPACTION_RESULT_H_
