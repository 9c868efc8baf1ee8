// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/retention.h"

#include <algorithm>
#include <set>

namespace driveroot {
namespace {

constexpr TimeNs kNsPerSecond = 1'000'000'000;
constexpr TimeNs kHour = 3600 * kNsPerSecond;
constexpr TimeNs kDay = 24 * kHour;

// The part of time that `time` lies in, each `length` long; rounds down.
TimeNs PeriodOf(TimeNs time, TimeNs length) {
  return time / length - (time % length < 0 ? 1 : 0);
}

// The newest checkpoint from before the time of which every record is kept, and
// from which the log can be followed; when there is none so old, the oldest.
// Null when the log can be followed from none, which is not so in order.
const KeptCheckpoint* BaseOf(const Metadata& metadata, TimeNs begin) {
  const auto& checkpoints = metadata.checkpoints();
  const KeptCheckpoint* base = nullptr;
  for (auto entry = checkpoints.lower_bound(metadata.records_from());
       entry != checkpoints.end(); ++entry) {
    if (base == nullptr || entry->second.sealed_at <= begin) {
      base = &entry->second;
    }
  }
  return base;
}

}  // namespace

RetentionPlan PlanRetention(const Metadata& metadata,
                            const RetentionPolicy& policy, TimeNs now) {
  RetentionPlan plan{.records_from = metadata.records_from()};
  const auto& checkpoints = metadata.checkpoints();
  const TimeNs window = policy.records.count() * kNsPerSecond;
  const KeptCheckpoint* const base = BaseOf(metadata, now - window);
  if (base == nullptr) return plan;
  plan.records_from = base->sequence;
  const uint64_t newest = checkpoints.rbegin()->first;
  // The newest first, so that of each period the newest one stays.
  std::set<TimeNs> hours;
  std::set<TimeNs> days;
  for (auto entry = checkpoints.rbegin(); entry != checkpoints.rend();
       ++entry) {
    const auto& [sequence, checkpoint] = *entry;
    bool stays = sequence == newest || sequence == base->sequence;
    if (sequence > base->sequence) {
      stays |= hours.insert(PeriodOf(checkpoint.sealed_at, kHour)).second;
    } else if (sequence < base->sequence &&
               now - checkpoint.sealed_at < window + policy.days * kDay) {
      stays |= days.insert(PeriodOf(checkpoint.sealed_at, kDay)).second;
    }
    if (!stays) plan.checkpoints_to_drop.push_back(sequence);
  }
  std::ranges::reverse(plan.checkpoints_to_drop);
  return plan;
}

std::vector<DeadObject> UnneededObjects(const Metadata& metadata) {
  std::vector<DeadObject> unneeded;
  for (const auto& [number, object] : metadata.dead_objects()) {
    bool needed = object.since > metadata.records_from();
    for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
      needed |= number < checkpoint.next_object && sequence < object.since;
    }
    if (!needed) unneeded.push_back(object);
  }
  return unneeded;
}

}  // namespace driveroot
