// SPDX-License-Identifier: Apache-2.0
//
// From frames that are wanted to as few requests as make sense: frames that lie
// close together share one. Values; thread-safe.
#ifndef DRIVEROOT_CACHE_FETCH_PLAN_H_
#define DRIVEROOT_CACHE_FETCH_PLAN_H_

#include <cstdint>
#include <vector>

#include "driveroot/cache/fetch_queue.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

// Bytes between two frames that nobody asked for are fetched all the same when
// that saves a request.
inline constexpr uint64_t kMaxGapBytes = 256 * 1024;

struct PlannedFrame {
  StoredFrame frame;
  FetchPriority priority = FetchPriority::kReader;
};

struct PlanLimits {
  // What goes on in the same request after the last frame that somebody waits
  // for, and the longest request.
  uint64_t min_window_bytes = 0;
  uint64_t max_window_bytes = 0;
};

// Requests for `frames`, in any order and without repetitions. A request has
// the highest priority of its frames; those of one object come by offset.
std::vector<FetchJob> PlanJobs(std::vector<PlannedFrame> frames,
                               const PlanLimits& limits, uint64_t reader);

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_FETCH_PLAN_H_
