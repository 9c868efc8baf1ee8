// SPDX-License-Identifier: Apache-2.0
//
// What of a volume's past is kept. Values and pure functions; thread-safe.
#ifndef DRIVEROOT_VOLUME_RETENTION_H_
#define DRIVEROOT_VOLUME_RETENTION_H_

#include <chrono>
#include <cstdint>
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

// What to give up at time `now`. The newest checkpoint always stays.
RetentionPlan PlanRetention(const Metadata& metadata,
                            const RetentionPolicy& policy, TimeNs now);

// Dead objects that no state needs which is kept: by kept checkpoint or, from
// metadata.records_from() on, by record.
std::vector<DeadObject> UnneededObjects(const Metadata& metadata);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_RETENTION_H_
