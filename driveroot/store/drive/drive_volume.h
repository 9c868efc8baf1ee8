// SPDX-License-Identifier: Apache-2.0
//
// A volume as a folder of Google Drive:
//
//   NAME/                 appProperties: driveroot=volume, and the ids below
//     README.txt
//     superblock.json
//     segment-NUMBER, ...
//     log/  checkpoints/
//
// Segments lie in the volume's own folder, so that the first ones can be on
// their way as soon as that is there: a folder takes Drive most of a second. In
// volumes of earlier versions they lie in segments/.
//
// The folder's private properties hold the ids of its parts, so that opening a
// volume is one request; its superblock comes along with that, by a copy in the
// properties of superblock.json (superblock_copy.h). Properties are visible to
// the client id that set them only, as are the files themselves under the scope
// that driveroot asks for.
//
// VOLUME below is what follows "drive:" on the command line: a name, or
// "id=FOLDERID".
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_VOLUME_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_VOLUME_H_

#include <memory>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// The ids of a volume's parts, and its name when it was opened.
struct DriveVolumeLayout {
  std::string name = {};
  std::string folder = {};
  std::string log = {};
  std::string segments = {};  // perhaps `folder` itself
  std::string checkpoints = {};
  std::string superblock = {};  // taken, though there may be no such file yet
};

// The property of a volume's folder that has the superblock's id.
inline constexpr const char* kSuperblockKey = "driveroot_superblock";

// Make the folder of a volume, and those of its parts, unless they are there.
Status MakeVolumeFolder(DriveApi& api, const DriveVolumeLayout& layout);
Status MakePartFolders(DriveApi& api, const DriveVolumeLayout& layout);

// Makes the folder for a new volume and opens it. It becomes a volume when its
// superblock is written; a folder that a broken-off attempt left behind is used
// again.
//
// kAlreadyExists: there is a volume of this name.
// kInvalidArgument: the name is unusable, or VOLUME is an id.
Result<std::unique_ptr<ObjectStore>> CreateDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume);

// Opens the folder of a volume, or makes it when there is none of this name; a
// name is looked for once. The errors of both. A new one is still being made
// when this returns: if that fails, whatever is stored there first says so.
Result<std::unique_ptr<ObjectStore>> OpenOrCreateDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume);

// Opens the folder of a volume. Whether it has a superblock shows when that is
// read.
//
// kNotFound: no such volume.
// kInvalidArgument: several volumes have this name, or the id's folder is none.
Result<std::unique_ptr<ObjectStore>> OpenDriveVolume(
    std::shared_ptr<DriveClient> client, std::string_view volume);

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_VOLUME_H_
