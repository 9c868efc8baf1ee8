// SPDX-License-Identifier: Apache-2.0
//
// For tests: one interface to several file systems, so that the same operations
// can be done on each and their results compared: on driveroot's FileSystem, on
// a model of a few hundred lines that holds everything in plain containers, and
// on a local folder through system calls. Not thread-safe.
#ifndef DRIVEROOT_FS_MODEL_SUBJECT_H_
#define DRIVEROOT_FS_MODEL_SUBJECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driveroot/volume/delta.h"

namespace driveroot {

enum class Action {
  kCreate,  // exclusively, like open(2) with O_EXCL
  kMakeDirectory,
  kMakeFifo,
  kMakeSymlink,  // bytes: its target
  kLink,
  kUnlink,
  kRemoveDirectory,
  kRename,  // flags as renameat2(2)
  kStat,    // lstat(2)
  kReadLink,
  kList,
  kChangeMode,
  kChangeOwner,
  kSetXattr,  // name, bytes, flags as setxattr(2)
  kGetXattr,
  kListXattrs,
  kRemoveXattr,
  kOpen,   // keeps a file open in `slot`; its name may go meanwhile
  kClose,  // of `slot`
  // These go to the file open in `slot` if it is not negative, else to `path`.
  kRead,
  kWrite,
  kTruncate,
  kAllocate,  // flags as fallocate(2)
  kCopy,      // to other_path, other_offset
  kSeek,      // flags: SEEK_DATA or SEEK_HOLE
};

struct Operation {
  Action action = Action::kStat;
  // Names from the root on, without a slash at either end. Symlinks that are
  // followed lead nowhere.
  std::string path = {};
  std::string other_path = {};
  std::string name = {};
  std::string bytes = {};
  uint32_t mode = 0;
  uint32_t uid = 0;  // of kChangeOwner; what is made is root's
  uint32_t gid = 0;
  int flags = 0;
  int slot = -1;
  uint64_t offset = 0;
  uint64_t other_offset = 0;
  uint64_t length = 0;
  // When it is done, as the clock of model and FileSystem shows.
  TimeNs now = 0;

  std::string ToString() const;
};

inline constexpr int kSlots = 3;

struct Outcome {
  int error = 0;            // an errno value
  std::string result = {};  // what was read, in words
  // Times and positions of holes: not the same on all file systems.
  std::string details = {};

  friend bool operator==(const Outcome&, const Outcome&) = default;
  std::string ToString() const;
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual Outcome Do(const Operation& operation) = 0;
};

// What an operation would meet, for a generator that leaves out what blocks.
class ModelSubject : public Subject {
 public:
  // The type bits of what `path` names, as lstat(2) has them; 0: nothing.
  virtual uint32_t TypeOf(const std::string& path) = 0;
  virtual bool IsOpen(int slot) const = 0;
};

std::unique_ptr<ModelSubject> MakeModel();

// An empty folder on a local file system. The process is root and its umask 0.
std::unique_ptr<Subject> MakeLocalSubject(const std::string& folder);

// The parts of a path: "a/b" is {"a", "b"}, "" is {}.
std::vector<std::string> SplitPath(const std::string& path);

// What a stat shows, the same for all subjects. A directory's size and a
// symlink's mode mean nothing.
std::string StatText(uint32_t mode, uint32_t nlink, uint32_t uid, uint32_t gid,
                     uint64_t size);

}  // namespace driveroot

#endif  // DRIVEROOT_FS_MODEL_SUBJECT_H_
