// SPDX-License-Identifier: Apache-2.0
//
// RepairVolume mends a volume, for `driveroot fsck --repair`. It never removes
// data: what has lost its name gets one in /lost+found.
#ifndef DRIVEROOT_VOLUME_REPAIR_H_
#define DRIVEROOT_VOLUME_REPAIR_H_

#include <memory>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// What was done, a sentence each; nothing when the volume was in order.
//
// A volume that cannot be opened is salvaged first; see salvage.h. So is one
// whose log cannot go on, since the object after its end was removed, which
// only trying to append shows. Past states that are lost are given up,
// superblock.json and README.txt written anew. Only `options.steal` and the
// like count; it is opened for writing. Errors as those of Volume::Open and
// Sync.
Result<std::vector<std::string>> RepairVolume(
    std::unique_ptr<ObjectStore> store, const VolumeOptions& options);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_REPAIR_H_
