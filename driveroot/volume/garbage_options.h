// SPDX-License-Identifier: Apache-2.0
//
// What garbage collection is to do, and what it did. Values.
#ifndef DRIVEROOT_VOLUME_GARBAGE_OPTIONS_H_
#define DRIVEROOT_VOLUME_GARBAGE_OPTIONS_H_

#include <cstdint>
#include <functional>

#include "driveroot/volume/retention.h"

namespace driveroot {

struct GarbageOptions {
  RetentionPolicy retention = {};

  // Moves live data out of mostly dead objects until the present state's
  // objects are at most so many times as large as what lives in them. Lower
  // saves space and costs writing: at 1.3 a segment is moved when about a third
  // of what was moved before is dead again.
  // That is not begun before they are `compact_above` times as large and
  // `min_gain_bytes` larger.
  bool compact = true;
  double max_size_to_live = 1.3;
  double compact_above = 1.3;
  uint64_t min_gain_bytes = 0;

  // Deletes what it can before anything large is written, and goes on without
  // moving data when that does not fit: for a store that is full.
  bool delete_first = false;

  // Looks for objects that belong to no state, which takes three listings.
  bool sweep = true;

  // Writes a checkpoint, without which what was just moved is still needed for
  // going on after a crash, and so cannot be deleted yet.
  bool checkpoint = true;

  // Asked before each segment that is written; null: always.
  std::function<bool()> go_on = nullptr;
  // Told how many bytes of how many were moved; may be null.
  std::function<void(uint64_t done, uint64_t total)> progress = nullptr;
};

// Bytes are those of whole objects unless said otherwise.
struct GarbageReport {
  uint64_t frames_moved = 0;
  uint64_t bytes_moved = 0;      // of frames
  uint64_t bytes_rewritten = 0;  // of files, from mostly dead frames
  // Of segments for what was moved, and what was rewritten before compression.
  uint64_t bytes_written = 0;
  uint64_t segments_written = 0;
  uint64_t damaged_frames = 0;  // left where they are
  bool out_of_space = false;    // for moving all that was to be moved
  uint64_t checkpoints_dropped = 0;
  uint64_t objects_deleted = 0;
  uint64_t bytes_deleted = 0;
  // What there is afterwards.
  uint64_t present_bytes = 0;
  uint64_t live_bytes = 0;  // of frames, within present_bytes
  uint64_t past_bytes = 0;  // of dead objects
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_GARBAGE_OPTIONS_H_
