// SPDX-License-Identifier: Apache-2.0
//
// Compactor moves frames into new segments, in the order in which they are
// named: what garbage collection does with the live rest of mostly dead
// segments, and what puts data that is read together side by side.
//
// An extent names its frame by number, so nothing but the frame's place
// changes, and a reader who holds on to the old place still finds the bytes
// there: the old object is deleted only long after.
//
// Lock order: Volume's lock is taken for short times, never while a call of the
// store runs. One thread at a time.
#ifndef DRIVEROOT_VOLUME_COMPACTOR_H_
#define DRIVEROOT_VOLUME_COMPACTOR_H_

#include <cstdint>
#include <functional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/compaction_result.h"
#include "driveroot/volume/data_writer.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

class Compactor {
 public:
  struct Parts {
    ObjectStore& store;
    Metadata& metadata;
    std::shared_mutex& mutex;  // Volume's, guards metadata
    IdPool& ids;
    // Called with `mutex` held, after frames were moved.
    std::function<void()> moved;
    uint64_t segment_bytes;
  };

  explicit Compactor(Parts parts) : parts_(std::move(parts)) {}

  // Moves `frames`, but those that are not stored or no longer live, and with
  // each all others that share its bytes. The moves
  // are changes of the metadata, to be synced like any other. Asks before each
  // segment whether to go on; null: always. Errors are those of the store; what
  // was moved before stays moved.
  using GoOn = std::function<bool(const CompactionResult& so_far)>;
  Result<CompactionResult> Move(std::span<const FrameNumber> frames,
                                const GoOn& go_on);

 private:
  // Where frames lie now, each place once, as many as fill a segment. Takes
  // them off `frames`.
  std::vector<StoredFrame> NextSegment(std::span<const FrameNumber>& frames,
                                       const std::set<ObjectNumber>& done);
  // The stored bytes of each frame, checked; empty for damaged ones.
  Result<std::vector<std::string>> ReadFrames(
      std::span<const StoredFrame> frames);
  Result<std::string> ReadRun(std::span<const StoredFrame> run);
  // Returns the segment's number.
  Result<ObjectNumber> WriteSegment(std::span<const StoredFrame> frames,
                                    std::span<const std::string> bytes,
                                    CompactionResult& result);

  const Parts parts_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_COMPACTOR_H_
