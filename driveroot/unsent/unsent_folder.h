// SPDX-License-Identifier: Apache-2.0
//
// Folders of what mounts could not store: README.md has what is in them. Log
// records are sealed by their own hash and segments are named by theirs, so
// whatever is read was what was written, or is refused.
//
// Whoever writes or applies a folder holds its lock (flock(2)).
#ifndef DRIVEROOT_UNSENT_UNSENT_FOLDER_H_
#define DRIVEROOT_UNSENT_UNSENT_FOLDER_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// What about.json says.
struct UnsentNote {
  std::string volume = {};       // as it is named on a command line
  std::string uuid = {};         // of it
  std::string mount_point = {};  // where it was mounted
  std::string ended = {};        // when, as 2026-03-01T12:30:00Z
  std::string reason = {};       // why it could not be stored
};

// Where the folders lie, unless told: /var/lib/driveroot/unsent for root, for
// others $XDG_STATE_HOME/driveroot/unsent or the same below ~/.local/state.
// kNotFound when there is no such place.
Result<std::string> DefaultUnsentBase();

struct UnsentFolder;

// A folder that is being written. Thread-safe.
class UnsentWriter {
 public:
  // Makes `base` (0700) if it is missing. kPermissionDenied: others may get at
  // `base`. `not_on` is the device of a file system that the folder must not
  // lie on: the mount that ends. kBusy: it does.
  static Result<std::unique_ptr<UnsentWriter>> Make(const std::string& base,
                                                    const UnsentNote& note,
                                                    dev_t not_on);

  // Adds a log record or a segment, and returns when it is on the disk.
  Status Add(const ObjectId& id, ObjectKind kind, std::string_view name,
             std::string_view bytes);

  const std::string& path() const { return path_; }
  // So far.
  uint64_t records() const;
  uint64_t bytes() const;

  // What it holds so far.
  Result<UnsentFolder> Reread() const;

  // Removes it.
  void Discard();

 private:
  UnsentWriter(std::string path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const UniqueFd lock_;
  mutable std::mutex mutex_;  // guards what is below
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

// A folder that was written before.
struct UnsentFolder {
  std::string name;
  std::string path;
  UnsentNote note;
  struct Object {
    std::string path;
    uint64_t size = 0;
  };
  struct Record : Object {
    ObjectId id;
  };
  std::map<uint64_t, Record> records;  // by sequence
  std::map<ObjectId, Object> segments;
  uint64_t bytes = 0;  // of all of them

  // The bytes of a record or segment; the latter are checked. kDataLoss.
  static Result<std::string> Read(const Object& object);
};

// All folders below `base`, the oldest first; none when there is no `base`.
// What is no such folder is left out. Follows no symlinks.
Result<std::vector<UnsentFolder>> ListUnsent(const std::string& base);

// Its lock, while nobody else has it. kBusy.
Result<UniqueFd> LockUnsent(const UnsentFolder& folder);

// Removes a folder and nothing besides it.
Status DiscardUnsent(const UnsentFolder& folder);

}  // namespace driveroot

#endif  // DRIVEROOT_UNSENT_UNSENT_FOLDER_H_
