// SPDX-License-Identifier: Apache-2.0
//
// What the superblock tells of a boot, so that a machine need not wait for the
// metadata before it begins to fetch what it reads. Pure.
#ifndef DRIVEROOT_VOLUME_BOOT_RANGES_H_
#define DRIVEROOT_VOLUME_BOOT_RANGES_H_

#include <vector>

#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

// Where the frames of the boot trace lie, in the requests that stream them
// (Fetcher::PlanStream) and in their order, but those that the checkpoint
// carries. `state` is a whole one. The first kMaxBootRanges of them at most.
std::vector<ObjectRange> BootRanges(const Delta& state);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_BOOT_RANGES_H_
