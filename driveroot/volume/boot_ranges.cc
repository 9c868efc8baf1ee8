// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/boot_ranges.h"

#include <algorithm>
#include <unordered_map>

#include "driveroot/cache/fetcher.h"
#include "driveroot/volume/superblock.h"

namespace driveroot {
namespace {

// Frames of the trace, in its order.
std::vector<StoredFrame> TracedFrames(const Delta& state) {
  std::unordered_map<FrameNumber, size_t> order;
  for (const TraceDelta& step : state.boot_trace) {
    order.try_emplace(step.frame, step.position);
  }
  for (const FrameCopy& copy : state.frame_copies) order.erase(copy.number);
  std::vector<StoredFrame> frames;
  for (const FrameDelta& frame : state.frames) {
    if (!order.contains(frame.number)) continue;
    frames.push_back({.number = frame.number,
                      .object = frame.object,
                      .object_offset = frame.object_offset,
                      .stored_length = frame.stored_length,
                      .raw_length = frame.raw_length,
                      .hash = frame.hash});
  }
  std::ranges::sort(frames, {}, [&order](const StoredFrame& frame) {
    return order.at(frame.number);
  });
  return frames;
}

}  // namespace

std::vector<ObjectRange> BootRanges(const Delta& state) {
  std::vector<ObjectRange> ranges;
  if (state.boot_trace.empty()) return ranges;
  std::unordered_map<ObjectNumber, const ObjectId*> ids;
  for (const ObjectDelta& object : state.objects) {
    ids[object.number] = &object.id;
  }
  for (const FetchJob& job :
       Fetcher::PlanStream(TracedFrames(state), FetcherOptions())) {
    const auto id = ids.find(job.object);
    if (id == ids.end()) continue;
    ranges.push_back({.id = *id->second,
                      .offset = job.begin(),
                      .length = job.end() - job.begin()});
    if (ranges.size() == kMaxBootRanges) break;
  }
  return ranges;
}

}  // namespace driveroot
