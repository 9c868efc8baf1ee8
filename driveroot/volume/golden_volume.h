// SPDX-License-Identifier: Apache-2.0
//
// Volumes kept as test data (testdata/vN), to see that what an older driveroot
// wrote is read the same by this one.
#ifndef DRIVEROOT_VOLUME_GOLDEN_VOLUME_H_
#define DRIVEROOT_VOLUME_GOLDEN_VOLUME_H_

#include <memory>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// Makes a small volume with all that a volume can hold: a checkpoint, records
// after it, data in records and in segments.
Status MakeGoldenVolume(const std::shared_ptr<FakeAccount>& account);

// All that `volume` holds, one line for each name, in order.
Result<std::string> TreeText(Volume& volume);

// An account as a folder: superblock.json, and log/ID, segments/ID,
// checkpoints/ID and readme/ID with the objects' bytes.
Status SaveAccount(const FakeAccount& account, const std::string& folder);
Result<std::shared_ptr<FakeAccount>> LoadAccount(const std::string& folder);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_GOLDEN_VOLUME_H_
