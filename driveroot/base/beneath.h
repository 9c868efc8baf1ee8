// SPDX-License-Identifier: Apache-2.0
//
// Paths that cannot leave a folder: for names that come from a volume, an
// archive or a folder that somebody else may change meanwhile.
//
// A path here is relative: components that are neither empty, "." nor "..",
// with "/" between them; "." alone is the folder itself. No component, the last
// one included, is followed if it is a symbolic link.
//
// The functions set errno when they fail: EINVAL for a path of another form,
// ELOOP or ENOTDIR for a symbolic link on the way, else as openat(2).
// Thread-safe.
#ifndef DRIVEROOT_BASE_BENEATH_H_
#define DRIVEROOT_BASE_BENEATH_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "driveroot/base/unique_fd.h"

namespace driveroot {

// Opens `path` below the folder `root`. O_CLOEXEC and O_NOFOLLOW are added to
// `flags`. Asks the kernel (openat2, RESOLVE_BENEATH); where it has no such
// call, goes there component by component. Not valid: it failed.
UniqueFd OpenBeneath(int root, std::string_view path, int flags,
                     mode_t mode = 0);

// The second way alone, which knows no limit of a path's length.
UniqueFd OpenByComponents(int root, std::string_view path, int flags,
                          mode_t mode = 0);

// The folder that holds a path, and the last component: what the system calls
// that take a folder and one name need.
struct FolderAndName {
  UniqueFd folder;  // O_PATH; not valid: it failed
  std::string name;
};
FolderAndName OpenParentBeneath(int root, std::string_view path);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_BENEATH_H_
