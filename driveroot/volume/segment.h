// SPDX-License-Identifier: Apache-2.0
//
// A segment: an immutable object full of frames, and an index of them at its
// end, from which places could be found again if all metadata were lost. In
// ordinary work frames are found through the metadata. FORMAT.md has the
// layout. Values; not thread-safe.
#ifndef DRIVEROOT_VOLUME_SEGMENT_H_
#define DRIVEROOT_VOLUME_SEGMENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

// A frame as it lies on Drive: compressed when that is shorter.
struct EncodedFrame {
  FrameNumber number = 0;
  uint32_t raw_length = 0;
  Hash hash = {};  // of the bytes before compression
  std::string stored;
};

// Lays frames one after the other.
class SegmentWriter {
 public:
  SegmentWriter();

  // So many frames of so many stored bytes follow. It saves copying them when
  // the segment has grown.
  void Reserve(size_t frames, uint64_t bytes);

  // Returns the frame's offset.
  uint64_t Add(const EncodedFrame& frame);

  // Adds the index. Nothing can be added afterwards. kInvalidArgument:
  // ReadSegmentIndex would not read it again, as with more than
  // limits::kSegmentFrames.
  Result<std::string> Finish();

 private:
  std::string bytes_;
  std::vector<FrameDelta> index_;
};

// The index of a segment of `size` bytes, which `read` reads parts of. The
// frames' object is 0. kDataLoss, kUnsupportedVersion, and what `read` returns.
using ReadPart =
    std::function<Result<std::string>(uint64_t offset, uint64_t length)>;
Result<std::vector<FrameDelta>> ReadSegmentIndex(uint64_t size,
                                                 const ReadPart& read);

// The bytes of a frame, checked against its length and hash. kDataLoss.
Result<std::string> DecodeFrame(std::string_view stored, uint32_t raw_length,
                                const Hash& hash);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_SEGMENT_H_
