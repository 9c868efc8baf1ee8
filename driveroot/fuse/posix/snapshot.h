// SPDX-License-Identifier: Apache-2.0
//
// Snapshot: what stat(2), xattrs and contents show of everything in a folder,
// and how an operation changed it, as text that is the same on two file systems
// exactly if they did the same.
//
//   const Snapshot before(".");
//   ... the operation ...
//   std::string change = before.Compare();
//
// Objects that lose their last name in between are still seen: they are held.
// Precondition: this is root. Not thread-safe.
#ifndef DRIVEROOT_FUSE_POSIX_SNAPSHOT_H_
#define DRIVEROOT_FUSE_POSIX_SNAPSHOT_H_

#include <sys/stat.h>
#include <time.h>

#include <string>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot::posix {

class Snapshot {
 public:
  explicit Snapshot(const std::string& folder);

  // One line for each object that was there, with a sign behind each time: "="
  // as it was, "+" set to now, "-" to shortly before this was made, else the
  // time that it was set to. Then one for each name that there is now.
  std::string Compare() const;

 private:
  struct Object {
    std::string name;
    UniqueFd fd;  // by O_PATH, which changes nothing
    struct stat status = {};
  };

  const std::string folder_;
  std::vector<Object> objects_;
  timespec taken_ = {};
};

}  // namespace driveroot::posix

#endif  // DRIVEROOT_FUSE_POSIX_SNAPSHOT_H_
