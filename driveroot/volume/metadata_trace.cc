// SPDX-License-Identifier: Apache-2.0
//
// Metadata: the boot trace.
#include <string>
#include <utility>

#include "driveroot/volume/metadata.h"

namespace driveroot {

void Metadata::SetBootTrace(std::vector<FrameNumber> frames) {
  if (frames.size() > limits::kTraceFrames) frames.resize(limits::kTraceFrames);
  if (frames == boot_trace_) return;
  boot_trace_ = std::move(frames);
  changes_.boot_trace = true;
}

void Metadata::AddBootTrace(Delta& delta) const {
  for (const FrameNumber frame : boot_trace_) {
    delta.boot_trace.push_back({delta.boot_trace.size(), frame});
  }
  // It may have been longer before.
  delta.boot_trace.push_back({delta.boot_trace.size(), 0});
}

Status Metadata::ApplyBootTrace(const Delta& delta) {
  for (const auto& [position, frame] : delta.boot_trace) {
    if (position > boot_trace_.size() || position > limits::kTraceFrames ||
        frame >= next_frame_) {
      return Fail(ErrorCode::kDataLoss, "damaged metadata: bad step " +
                                            std::to_string(position) +
                                            " of the boot trace");
    }
    boot_trace_.resize(position);
    if (frame != 0) boot_trace_.push_back(frame);
  }
  return {};
}

}  // namespace driveroot
