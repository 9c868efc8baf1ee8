// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetch_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace driveroot {
namespace {

uint64_t End(const StoredFrame& frame) {
  return frame.object_offset + frame.stored_length;
}

// A request that is being put together.
struct Draft {
  FetchJob job;
  uint64_t end = 0;
  uint64_t wanted_end = 0;  // of the last frame that somebody waits for

  bool Takes(const PlannedFrame& next, const PlanLimits& limits) const {
    const uint64_t offset = next.frame.object_offset;
    if (job.object != next.frame.object || offset > end + kMaxGapBytes ||
        End(next.frame) > job.begin() + limits.max_window_bytes) {
      return false;
    }
    // What is fetched ahead must not hold up what comes after it for others.
    return job.priority != FetchPriority::kReader ||
           next.priority == FetchPriority::kReader ||
           offset < wanted_end + limits.min_window_bytes;
  }

  void Add(const PlannedFrame& next) {
    if (job.frames.empty()) {
      job.object = next.frame.object;
      job.priority = next.priority;
    }
    job.priority = std::min(job.priority, next.priority);
    job.frames.push_back(next.frame);
    end = std::max(end, End(next.frame));
    if (next.priority == FetchPriority::kReader) wanted_end = End(next.frame);
  }
};

}  // namespace

std::vector<FetchJob> PlanJobs(std::vector<PlannedFrame> frames,
                               const PlanLimits& limits, uint64_t reader) {
  std::ranges::sort(frames, {}, [](const PlannedFrame& planned) {
    return std::tuple(planned.frame.object, planned.frame.object_offset,
                      planned.frame.number);
  });
  std::vector<FetchJob> jobs;
  Draft draft;
  for (const PlannedFrame& next : frames) {
    if (!draft.job.frames.empty() && !draft.Takes(next, limits)) {
      jobs.push_back(std::move(draft.job));
      draft = {};
    }
    if (draft.job.frames.empty()) draft.job.reader = reader;
    draft.Add(next);
  }
  if (!draft.job.frames.empty()) jobs.push_back(std::move(draft.job));
  return jobs;
}

}  // namespace driveroot
