// SPDX-License-Identifier: Apache-2.0
//
// Push and pull as a whole: from a store and a path to the result.
#ifndef DRIVEROOT_TRANSFER_PUSH_H_
#define DRIVEROOT_TRANSFER_PUSH_H_

#include <memory>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/transfer/export.h"
#include "driveroot/transfer/import.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// What both tell about their progress; either may be null.
struct TransferObserver {
  TransferCallback tree;    // while the tree is read or written
  ProgressCallback volume;  // while the volume uploads what is left
};

// Makes the volume in `store` equal to the folder or archive `source`, in one
// step: a push that fails or is interrupted leaves the volume as it was. A
// store without a volume gets one first. Only `options.steal` is looked at.
Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               TreeSource& source, VolumeOptions options,
                               const ImportOptions& import_options,
                               const TransferObserver& observer);

// The same for the folder or archive `path`, which must not be "-".
Result<ImportSummary> PushTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const ImportOptions& import_options,
                               const TransferObserver& observer);

// Writes the tree of the volume in `store` to a folder or archive `path`.
Result<ExportSummary> PullTree(std::unique_ptr<ObjectStore> store,
                               const std::string& path, VolumeOptions options,
                               const TransferObserver& observer);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_PUSH_H_
