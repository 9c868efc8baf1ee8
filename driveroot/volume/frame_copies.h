// SPDX-License-Identifier: Apache-2.0
//
// Copies of frames that need no request of their own when a machine boots. What
// a boot reads lies side by side as OptimizeBoot left it, but for what was
// written since, as logs and states of services are: small frames, strewn over
// many log records, each of which would cost a request. So the checkpoint that
// closes a volume carries copies of them, and those that lie in records which
// are replayed at recovery are kept from there.
//
// Copies only fill the cache: where a frame lies is told by the metadata alone,
// and any copy may be missing. Only volumes that machines boot from have some.
//
// Thread-safe, the metadata's lock being held; ReplayedFrames is not.
#ifndef DRIVEROOT_VOLUME_FRAME_COPIES_H_
#define DRIVEROOT_VOLUME_FRAME_COPIES_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "driveroot/volume/delta.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"

namespace driveroot {

class FrameCache;

// Those that the closing checkpoint of `metadata` is to carry, of what is in
// the cache: the newest frames in log records, and those of the boot trace that
// lie apart when they are few. Ascending by number; about a megabyte as stored
// at most.
std::vector<FrameCopy> ChooseFrameCopies(const Metadata& metadata,
                                         const FrameCache& cache);

// Puts copies that came with a checkpoint into the cache, but those of frames
// that are gone. The checkpoint's hash vouches for the bytes.
void CacheFrameCopies(std::vector<FrameCopy> copies, const Metadata& metadata,
                      FrameCache& cache);

// The frames inside the records that recovery read, the newest few megabytes.
class ReplayedFrames {
 public:
  void Add(const LogRecord& record);

  // Those that are live, decoded and checked.
  std::vector<FrameCopy> Take(const Metadata& metadata);

 private:
  struct Stored {
    FrameDelta place;
    std::string bytes;
  };

  std::deque<Stored> frames_;
  uint64_t bytes_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_FRAME_COPIES_H_
