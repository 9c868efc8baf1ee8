// SPDX-License-Identifier: Apache-2.0
//
// DirStore keeps a volume in a local folder:
//
//   superblock.json, README.txt
//   objects/ID               a symbolic link to the object's bytes
//   log/NAME.RANDOM, segments/…, checkpoints/…, readme/…   the bytes
//
// Making the link is the atomic step of Create. Remove lets it point nowhere
// instead of deleting it, so the id of a removed object stays taken.
//
// The folder may have been made by somebody else, or be writable for others: no
// link in it leads out of it, whatever is asked for. Ids and names are one
// component of a path each, and no symbolic link is followed but those of
// objects/, whose targets are checked.
//
// Folders are 0700 and files 0600, whatever the umask. A store whose objects/
// its owner has made writable for a group stays open to that group.
//
// Whatever Create, Remove and WriteSuperblock return success for has reached
// the disk (fsync). Ids are 128 random bits. Several processes may use one
// folder at the same time. Thread-safe, as ObjectStore is.
#ifndef DRIVEROOT_STORE_DIR_DIR_STORE_H_
#define DRIVEROOT_STORE_DIR_DIR_STORE_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

class DirStore : public ObjectStore {
 public:
  // kNotFound, kNotDirectory: there is no such folder.
  static Result<std::unique_ptr<DirStore>> Open(const std::string& path);

  // The same, but makes the folder (not those above it) when it is not there.
  static Result<std::unique_ptr<DirStore>> Create(const std::string& path);

  Result<std::vector<ObjectId>> NewIds(int count) override;
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override;
  Status Remove(const ObjectId& id) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override;
  Result<std::string> ReadSuperblock() override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  Result<StoreSpace> Space() override;

 private:
  DirStore(std::string path, UniqueFd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}

  // Writes a new file and its folder's entry through to the disk.
  Status WriteNewFile(const std::string& file, std::string_view bytes);
  Status MakeFolder(const std::string& folder);
  UniqueFd OpenFolder(std::string_view folder);
  // What of a mode's group bits a store for a group gives to it, else none.
  mode_t SharedBits();
  Status RemoveFile(const std::string& file);
  Status SyncFolder(const std::string& folder);
  Result<std::string> ReadRange(const std::string& file, uint64_t offset,
                                uint64_t length);
  // Where the bytes of `id` are, relative to the folder. kNotFound: nowhere.
  // kDataLoss: its link is none of ours.
  Result<std::string> Locate(const ObjectId& id);
  Result<std::string> LocateIn(int objects, const ObjectId& id);
  std::unexpected<Error> Failed(std::string_view what,
                                std::string_view file) const;

  const std::string path_;  // for messages
  const UniqueFd folder_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DIR_DIR_STORE_H_
