// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/retention.h"

#include <algorithm>
#include <cstddef>
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

// When a checkpoint was sealed, leaps left out.
class Ages {
 public:
  explicit Ages(std::span<const TimeLeap> leaps) : leaps_(leaps) {}

  TimeNs SealedAt(const KeptCheckpoint& checkpoint) const {
    TimeNs time = checkpoint.sealed_at;
    for (const TimeLeap& leap : leaps_) {
      if (checkpoint.sealed_at <= leap.after) time += leap.length;
    }
    return time;
  }

 private:
  const std::span<const TimeLeap> leaps_;
};

// The newest checkpoint from before the time of which every record is kept, and
// from which the log can be followed; when there is none so old, the oldest.
// Null when the log can be followed from none, which is not so in order.
const KeptCheckpoint* BaseOf(const Metadata& metadata, const Ages& ages,
                             TimeNs begin) {
  const auto& checkpoints = metadata.checkpoints();
  const KeptCheckpoint* base = nullptr;
  for (auto entry = checkpoints.lower_bound(metadata.records_from());
       entry != checkpoints.end(); ++entry) {
    if (base == nullptr || ages.SealedAt(entry->second) <= begin) {
      base = &entry->second;
    }
  }
  return base;
}

// What the past takes when the first k of `kept`, by sequence number, are given
// up: element k of the result. All records are kept from number `base` of them
// on, or from the first that stays.
std::vector<uint64_t> PastBytesWithoutFirst(
    const Metadata& metadata, const std::vector<const KeptCheckpoint*>& kept,
    size_t base) {
  std::vector<uint64_t> bytes(kept.size(), 0);
  for (const auto& [number, object] : metadata.dead_objects()) {
    // The last one from before its death needs it longest.
    const auto after = std::ranges::lower_bound(kept, object.since, {},
                                                &KeptCheckpoint::sequence);
    if (after == kept.begin()) continue;
    const auto last = static_cast<size_t>(after - kept.begin()) - 1;
    if (base > last && number >= kept[last]->next_object) continue;
    bytes[last] += object.size;
  }
  for (size_t i = 0; i + 1 < kept.size(); ++i) bytes[i] += kept[i]->size;
  for (size_t i = kept.size() - 1; i > 0; --i) bytes[i - 1] += bytes[i];
  return bytes;
}

uint64_t PresentBytes(const Metadata& metadata) {
  uint64_t bytes = 0;
  for (const ObjectNumber number : metadata.AllObjects()) {
    bytes += metadata.FindObject(number)->size;
  }
  return bytes;
}

// Gives up the oldest states of those that `plan` keeps until the rest is
// within the bound.
void ThinByBytes(const Metadata& metadata, const RetentionPolicy& policy,
                 RetentionPlan& plan) {
  const std::optional<uint64_t> limit = PastLimit(metadata, policy);
  if (!limit) return;
  std::vector<const KeptCheckpoint*> kept;
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    if (!std::ranges::binary_search(plan.checkpoints_to_drop, sequence)) {
      kept.push_back(&checkpoint);
    }
  }
  const auto base =
      static_cast<size_t>(std::ranges::lower_bound(kept, plan.records_from, {},
                                                   &KeptCheckpoint::sequence) -
                          kept.begin());
  const std::vector<uint64_t> bytes =
      PastBytesWithoutFirst(metadata, kept, base);
  size_t first = 0;
  while (first + 1 < kept.size() && bytes[first] > *limit) {
    plan.checkpoints_to_drop.push_back(kept[first]->sequence);
    ++first;
  }
  std::ranges::sort(plan.checkpoints_to_drop);
  plan.records_from = std::max(plan.records_from, kept[first]->sequence);
}

}  // namespace

RetentionPlan PlanRetention(const Metadata& metadata,
                            const RetentionPolicy& policy, TimeNs now,
                            std::span<const TimeLeap> leaps) {
  RetentionPlan plan{.records_from = metadata.records_from()};
  const Ages ages(leaps);
  const auto& checkpoints = metadata.checkpoints();
  const TimeNs window = policy.records.count() * kNsPerSecond;
  const KeptCheckpoint* const base = BaseOf(metadata, ages, now - window);
  if (base == nullptr) return plan;
  plan.records_from = base->sequence;
  const uint64_t newest = checkpoints.rbegin()->first;
  // The newest first, so that of each period the newest one stays.
  std::set<TimeNs> hours;
  std::set<TimeNs> days;
  for (auto entry = checkpoints.rbegin(); entry != checkpoints.rend();
       ++entry) {
    const auto& [sequence, checkpoint] = *entry;
    const TimeNs sealed_at = ages.SealedAt(checkpoint);
    bool stays = sequence == newest || sequence == base->sequence;
    if (sequence > base->sequence) {
      stays |= hours.insert(PeriodOf(sealed_at, kHour)).second;
    } else if (sequence < base->sequence &&
               now - sealed_at < window + policy.days * kDay) {
      stays |= days.insert(PeriodOf(sealed_at, kDay)).second;
    }
    if (!stays) plan.checkpoints_to_drop.push_back(sequence);
  }
  std::ranges::reverse(plan.checkpoints_to_drop);
  ThinByBytes(metadata, policy, plan);
  return plan;
}

std::optional<uint64_t> PastLimit(const Metadata& metadata,
                                  const RetentionPolicy& policy) {
  if (policy.past_percent == 0) return std::nullopt;
  return std::max(policy.past_floor_bytes,
                  PresentBytes(metadata) / 100 * policy.past_percent);
}

uint64_t PastBytes(const Metadata& metadata) {
  uint64_t bytes = 0;
  for (const auto& [number, object] : metadata.dead_objects()) {
    bytes += object.size;
  }
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    bytes += checkpoint.size;
  }
  if (metadata.checkpoints().empty()) return bytes;
  return bytes - metadata.checkpoints().rbegin()->second.size;
}

bool NeedsCheckpoint(const Metadata& metadata, const RetentionPolicy& policy) {
  const std::optional<uint64_t> limit = PastLimit(metadata, policy);
  if (!limit || metadata.checkpoints().empty()) return false;
  const KeptCheckpoint* const newest = &metadata.checkpoints().rbegin()->second;
  return PastBytesWithoutFirst(metadata, {newest}, 0).front() > *limit;
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
