// SPDX-License-Identifier: Apache-2.0
//
// ObjectStore over one folder of Google Drive. Made by CreateDriveVolume() and
// OpenDriveVolume() (drive_volume.h).
//
// Thread-safety: as ObjectStore says. The client is shared with other stores.
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_STORE_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_STORE_H_

#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_api.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_volume.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

class DriveStore : public ObjectStore {
 public:
  // `copy` is that of the superblock, if it came along.
  DriveStore(std::shared_ptr<DriveClient> client, DriveVolumeLayout layout,
             std::optional<std::string> copy = {})
      : client_(std::move(client)),
        layout_(std::move(layout)),
        superblock_copy_(std::move(copy)) {}

  // Folders that are being made: each is there when its future is ready, or
  // could not be made.
  struct NewFolders {
    std::shared_future<Status> volume;
    std::shared_future<Status> parts;  // not before `volume`
  };

  // The volume's folder is new, under an id that was never used before: there
  // is no use in looking for anything until there is a superblock.
  void ExpectNothing(NewFolders folders);
  // Returns when they are all there; the error of making them, if they could
  // not be.
  Status AwaitFolders() const;
  // `ids` were never used.
  void AddIds(std::vector<ObjectId> ids);

  Result<std::vector<ObjectId>> NewIds(int count) override;
  // Besides what ObjectStore says: kUnavailable while the volume's folder lies
  // in the trash or Drive does not find it. A person can mend that, or time.
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  Result<bool> Holds(const ObjectId& id, std::string_view bytes) override;
  // Opens an upload session.
  void PrepareCreate(const ObjectId& id, ObjectKind kind,
                     std::string_view name) override;
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override;
  Status Remove(const ObjectId& id) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override;
  Result<std::string> ReadSuperblock() override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  std::optional<std::string> TakeSuperblockCopy() override;
  Result<StoreSpace> Space() override;

 private:
  const std::string& FolderOf(ObjectKind kind) const;
  // What stands before an object's name in the folder that it lies in.
  std::string_view PrefixOf(ObjectKind kind) const;
  Status AwaitFolderOf(ObjectKind kind) const;
  NewDriveFile NewFile(const ObjectId& id, ObjectKind kind,
                       std::string_view name) const;
  // The upload session that PrepareCreate() opened; empty: none.
  std::string TakeSession(const ObjectId& id);
  // What an upload into `folder` comes to: an error, too, if the file, which is
  // called `what`, lies in the trash or its folder is missing.
  Status Outcome(const Result<DriveFile>& stored, const std::string& folder,
                 const std::string& what);
  // Which folder is to blame, `folder` or the volume's own.
  Error Trashed(const std::string& folder, const std::string& what);
  Error FolderMissing(const std::string& folder);
  Status UploadSuperblock(std::string_view bytes);
  Status UpdateSuperblock(std::string_view bytes);
  // At the id that it has.
  Status WriteSuperblockInPlace(std::string_view bytes);
  // Whether a person deleted superblock.json, or put it alone into the trash;
  // `why` it could not be written.
  bool IsSuperblockGone(const Error& why);
  // Makes a new one: no id is given twice.
  Status MoveSuperblock(std::string_view bytes);
  std::string SuperblockId();

  std::shared_ptr<DriveClient> client_;
  const DriveVolumeLayout layout_;
  NewFolders folders_;  // not valid: they are there

  // False: nobody can have written one yet.
  std::atomic<bool> has_superblock_ = true;

  std::mutex mutex_;  // guards what is below; never held during a request
  std::vector<ObjectId> spare_ids_;
  std::optional<std::string> superblock_copy_;
  std::string new_superblock_;  // its id, if not that of the layout
  // Last, since their threads use the rest.
  std::map<ObjectId, std::future<Result<std::string>>> sessions_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_STORE_H_
