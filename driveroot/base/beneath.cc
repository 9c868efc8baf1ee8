// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace driveroot {
namespace {

bool IsComponent(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('\0') == std::string_view::npos;
}

bool IsWellFormed(std::string_view path) {
  if (path == ".") return true;
  while (true) {
    const size_t slash = path.find('/');
    if (!IsComponent(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

UniqueFd Failed(int error) {
  errno = error;
  return UniqueFd();
}

}  // namespace

UniqueFd OpenByComponents(int root, std::string_view path, int flags,
                          mode_t mode) {
  if (!IsWellFormed(path)) return Failed(EINVAL);
  UniqueFd folder;
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    const std::string name(path.substr(0, slash));
    // With O_DIRECTORY a symbolic link is ENOTDIR, O_PATH or not.
    folder = UniqueFd(openat(folder.valid() ? folder.get() : root, name.c_str(),
                             O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.valid()) return folder;
    path.remove_prefix(slash + 1);
  }
  return UniqueFd(openat(folder.valid() ? folder.get() : root,
                         std::string(path).c_str(),
                         flags | O_NOFOLLOW | O_CLOEXEC, mode));
}

UniqueFd OpenBeneath(int root, std::string_view path, int flags, mode_t mode) {
  if (!IsWellFormed(path)) return Failed(EINVAL);
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
  // Unlike openat, it refuses a mode without a file to create.
  if ((flags & O_CREAT) != 0) how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd =
      syscall(SYS_openat2, root, std::string(path).c_str(), &how, sizeof(how));
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  // Kernels before 5.6 have no such call, and sandboxes that do not know it
  // answer EPERM; a path above PATH_MAX can still be walked.
  if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG) {
    return OpenByComponents(root, path, flags, mode);
  }
  return UniqueFd();
}

FolderAndName OpenParentBeneath(int root, std::string_view path) {
  FolderAndName result;
  const size_t slash = path.rfind('/');
  const std::string_view folder =
      slash == std::string_view::npos ? "." : path.substr(0, slash);
  result.name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  if (!IsComponent(result.name)) {
    errno = EINVAL;
    return result;
  }
  result.folder = OpenBeneath(root, folder, O_PATH | O_DIRECTORY);
  return result;
}

}  // namespace driveroot
