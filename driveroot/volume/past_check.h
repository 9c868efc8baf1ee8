// SPDX-License-Identifier: Apache-2.0
//
// Whether the past states that a volume keeps can be had: its kept checkpoints,
// and the log between the oldest one from which it is followed and the newest.
// The present needs none of that. Thread-safe.
#ifndef DRIVEROOT_VOLUME_PAST_CHECK_H_
#define DRIVEROOT_VOLUME_PAST_CHECK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

// What a state says that is kept.
struct KeptPast {
  explicit KeptPast(const Metadata& metadata)
      : checkpoints(metadata.checkpoints()),
        records_from(metadata.records_from()) {}

  std::map<uint64_t, KeptCheckpoint> checkpoints;
  uint64_t records_from;
};

struct PastProblem {
  std::string text;  // one sentence
  // What is to be given up so that nothing is promised that is not there.
  std::optional<uint64_t> lost_checkpoint = {};  // of this record
  std::optional<uint64_t> records_from = {};     // see Metadata
};

// Looks at what `past`, of the present state, says. With `read_all` every
// record and checkpoint is read; without it, only what a listing does not show
// whole. Errors are those of the store; damage is none.
Result<std::vector<PastProblem>> CheckPast(ObjectStore& store,
                                           const KeptPast& past, bool read_all);

// Gives up what `problems` say is lost, and nothing that is there.
void GiveUpLostPast(Metadata& metadata,
                    const std::vector<PastProblem>& problems);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_PAST_CHECK_H_
