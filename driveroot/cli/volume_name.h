// SPDX-License-Identifier: Apache-2.0
//
// VOLUME as users write it, and the store that it stands for:
//
//   drive:NAME          a folder of Google Drive by its name
//   drive:id=FOLDERID   the same by its id
//   dir:PATH            a local folder
//
// The flags --credentials, --drive_endpoint and --ca_file are defined here.
#ifndef DRIVEROOT_CLI_VOLUME_NAME_H_
#define DRIVEROOT_CLI_VOLUME_NAME_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

struct VolumeName {
  enum class Kind { kDrive, kDir };
  Kind kind = Kind::kDir;
  std::string rest;  // what follows the colon

  std::string ToString() const;
};

// kInvalidArgument, with the three forms in its message.
Result<VolumeName> ParseVolumeName(std::string_view text);

// How long a store goes on when the network fails.
enum class Patience { kCommand, kForEver };

// An open store. Its network, if it has any, outlives it.
struct OpenedStore {
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<DriveClient> drive;  // null for a local folder
};

// Opens the store of a volume that is there. `before_requests` is called when
// all is ready for the first request. kNotFound: there is no such volume.
Result<OpenedStore> OpenStore(
    const VolumeName& name, Patience patience,
    const std::function<void()>& before_requests = nullptr);

// Opens the store of a volume, or makes the folder for a new one.
Result<OpenedStore> OpenOrCreateStore(const VolumeName& name);

// Makes the folder for a new volume. kAlreadyExists: there is a volume.
Result<OpenedStore> CreateStore(const VolumeName& name);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_VOLUME_NAME_H_
