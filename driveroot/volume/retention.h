// SPDX-License-Identifier: Apache-2.0
//
// What of a volume's past is kept. Values and pure functions; thread-safe.
#ifndef DRIVEROOT_VOLUME_RETENTION_H_
#define DRIVEROOT_VOLUME_RETENTION_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "driveroot/volume/delta.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

struct RetentionPolicy {
  // Every record that was sealed in this time can be gone back to. Checkpoints
  // in it are thinned out to one an hour, which changes only how long going
  // back takes. A reader of the volume on another machine may fall behind by as
  // much.
  std::chrono::seconds records{std::chrono::hours(24)};

  // Before that one checkpoint of each day, for so many days.
  int days = 7;

  // But what only past states need takes at most so many percent of the
  // present's bytes, or `past_floor_bytes` if that is more: the oldest states
  // go first. 0 percent: there is no such bound.
  uint32_t past_percent = 300;
  uint64_t past_floor_bytes = uint64_t{512} << 20;
};

// The log's time went on by `length` at once after `after`, and it is not known
// whether so much time had passed; see log_clock.h.
struct TimeLeap {
  TimeNs after = 0;
  TimeNs length = 0;
};

// Whatever the policy, a log record stays until a checkpoint that covers it was
// sealed so long ago. The committer makes sure that it still has the volume
// when it appended nothing for a part of this time (VolumeOptions::absence),
// and recovery trusts a copy of the superblock for a part of it. So nobody
// takes the place of a deleted record for the end of the log, even on a store
// that gives the id of a deleted object out again.
inline constexpr TimeNs kReturnTime = TimeNs{3600} * 1'000'000'000;

struct RetentionPlan {
  std::vector<uint64_t> checkpoints_to_drop = {};  // sequence numbers
  uint64_t records_from = 0;  // the records up to this one can go
};

// What to give up at time `now` of the log. The newest checkpoint always stays.
// What is older than a leap counts as so much younger.
RetentionPlan PlanRetention(const Metadata& metadata,
                            const RetentionPolicy& policy, TimeNs now,
                            std::span<const TimeLeap> leaps = {});

// What past states may take by the policy; nothing when there is no bound.
std::optional<uint64_t> PastLimit(const Metadata& metadata,
                                  const RetentionPolicy& policy);

// Bytes that only past states need: objects with their data, and checkpoints
// but the newest.
uint64_t PastBytes(const Metadata& metadata);

// Whether the bound cannot be kept before there is a newer checkpoint.
bool NeedsCheckpoint(const Metadata& metadata, const RetentionPolicy& policy);

// Dead objects that no state needs which is kept: by kept checkpoint or, from
// metadata.records_from() on, by record.
std::vector<DeadObject> UnneededObjects(const Metadata& metadata);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RETENTION_H_
