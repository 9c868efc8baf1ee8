// SPDX-License-Identifier: Apache-2.0
//
// DebianRoot: the tree of //rootfs:debian unpacked on a mounted volume, in
// which programs run as if it were the machine's root. All mounts are in a
// namespace of this process, so that nothing of them is left on the machine.
//
// For one thread of a process that has no other.
#ifndef DRIVEROOT_FUSE_PROGRAMS_DEBIAN_ROOT_H_
#define DRIVEROOT_FUSE_PROGRAMS_DEBIAN_ROOT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {

// How a script ended, and what it wrote to both outputs.
struct ScriptResult {
  int code = 0;
  std::string output;
};

class DebianRoot {
 public:
  // `archive` is the tree.
  static Result<std::unique_ptr<DebianRoot>> Make(const std::string& archive);

  DebianRoot(const DebianRoot&) = delete;
  DebianRoot& operator=(const DebianRoot&) = delete;
  ~DebianRoot();

  // Where the tree is, from outside of it.
  std::string path() const { return mount_->path() + "/root"; }
  // A folder of the machine's own file system, seen inside as /mnt.
  std::string outside() const { return mount_->folder() + "/outside"; }

  // Shows a folder of the machine inside, for reading.
  Status Bind(const std::string& source, const std::string& target);

  // Runs it by /bin/sh in the tree, as root. Everything that it starts ends
  // with it.
  ScriptResult Run(const std::string& script);

  // Unmounts the volume and mounts it again, with all that is below.
  Status Remount();

 private:
  explicit DebianRoot(std::unique_ptr<TestMount> mount)
      : mount_(std::move(mount)) {}

  Status Unpack(const std::string& archive);
  Status MountInside();
  void UnmountInside();

  std::unique_ptr<TestMount> mount_;
  // Sources and targets of Bind, to be bound again.
  std::vector<std::pair<std::string, std::string>> bound_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_PROGRAMS_DEBIAN_ROOT_H_
