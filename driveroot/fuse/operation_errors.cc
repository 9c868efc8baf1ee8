// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/operation_errors.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "driveroot/fuse/errno_map.h"

namespace driveroot {
namespace {

struct OperationErrors {
  std::string_view operation;
  std::initializer_list<int> errors;
};

// For all of them. ESTALE: an inode that a file handle or a working directory
// names was removed.
constexpr int kAnywhere[] = {EIO, EINTR, ESTALE};

// Finding a name.
#define DRIVEROOT_PATH_ERRORS EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
// Changing something. EDQUOT and ENOSPC are those of a full store.
#define DRIVEROOT_CHANGE_ERRORS EPERM, EROFS, ENOSPC, EDQUOT
// Making a name.
#define DRIVEROOT_NAME_ERRORS \
  DRIVEROOT_PATH_ERRORS, DRIVEROOT_CHANGE_ERRORS, EEXIST, EMLINK, EINVAL

constexpr OperationErrors kOperations[] = {
    {"lookup", {DRIVEROOT_PATH_ERRORS}},
    {"forget", {}},
    {"forget_multi", {}},
    // stat(2)
    {"getattr", {DRIVEROOT_PATH_ERRORS, EOVERFLOW}},
    // chmod(2), chown(2), truncate(2), utimensat(2)
    {"setattr",
     {DRIVEROOT_PATH_ERRORS, DRIVEROOT_CHANGE_ERRORS, EFBIG, EINVAL, EISDIR,
      ETXTBSY, EOPNOTSUPP}},
    {"readlink", {DRIVEROOT_PATH_ERRORS, EINVAL}},
    {"mknod", {DRIVEROOT_NAME_ERRORS}},
    {"mkdir", {DRIVEROOT_NAME_ERRORS}},
    {"symlink", {DRIVEROOT_NAME_ERRORS}},
    // open(2)
    {"create", {DRIVEROOT_NAME_ERRORS, EISDIR, EOPNOTSUPP}},
    {"tmpfile", {DRIVEROOT_NAME_ERRORS, EISDIR, EOPNOTSUPP}},
    {"link", {DRIVEROOT_NAME_ERRORS, EXDEV}},
    {"unlink", {DRIVEROOT_PATH_ERRORS, EPERM, EROFS, EBUSY, EISDIR, EINVAL}},
    {"rmdir",
     {DRIVEROOT_PATH_ERRORS, EPERM, EROFS, EBUSY, EEXIST, ENOTEMPTY, EINVAL}},
    {"rename", {DRIVEROOT_NAME_ERRORS, EBUSY, EISDIR, ENOTEMPTY, EXDEV}},
    // close(2)
    {"release", {EBADF, ENOSPC, EDQUOT}},
    {"read", {EBADF, EISDIR, EOVERFLOW}},
    // EROFS as ext4 gives it after an error has made it read-only.
    {"write", {EBADF, EFBIG, DRIVEROOT_CHANGE_ERRORS}},
    {"write_buf", {EBADF, EFBIG, DRIVEROOT_CHANGE_ERRORS}},
    {"fsync", {EBADF, EROFS, ENOSPC, EDQUOT}},
    {"fsyncdir", {EBADF, EROFS, ENOSPC, EDQUOT}},
    // getdents(2)
    {"readdir", {EBADF, EINVAL, ENOENT, ENOTDIR}},
    {"readdirplus", {EBADF, EINVAL, ENOENT, ENOTDIR}},
    {"statfs", {DRIVEROOT_PATH_ERRORS, EOVERFLOW}},
    {"getxattr",
     {DRIVEROOT_PATH_ERRORS, E2BIG, EINVAL, ENODATA, EOPNOTSUPP, ERANGE,
      EPERM}},
    {"listxattr", {DRIVEROOT_PATH_ERRORS, E2BIG, EOPNOTSUPP, ERANGE}},
    {"setxattr",
     {DRIVEROOT_PATH_ERRORS, DRIVEROOT_CHANGE_ERRORS, E2BIG, EEXIST, EINVAL,
      ENODATA, EOPNOTSUPP, ERANGE}},
    {"removexattr",
     {DRIVEROOT_PATH_ERRORS, DRIVEROOT_CHANGE_ERRORS, EINVAL, ENODATA,
      EOPNOTSUPP, ERANGE}},
    {"fallocate",
     {DRIVEROOT_CHANGE_ERRORS, EBADF, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP,
      ETXTBSY}},
    {"lseek", {EBADF, EINVAL, ENXIO, EOVERFLOW}},
    {"copy_file_range",
     {DRIVEROOT_CHANGE_ERRORS, EBADF, EFBIG, EINVAL, EISDIR, EOPNOTSUPP,
      EOVERFLOW, ETXTBSY, EXDEV}},
};

#undef DRIVEROOT_NAME_ERRORS
#undef DRIVEROOT_CHANGE_ERRORS
#undef DRIVEROOT_PATH_ERRORS

}  // namespace

bool MayGive(std::string_view operation, int errno_value) {
  if (std::ranges::contains(kAnywhere, errno_value)) return true;
  const auto* const found =
      std::ranges::find(kOperations, operation, &OperationErrors::operation);
  return found != std::end(kOperations) &&
         std::ranges::contains(found->errors, errno_value);
}

int ErrnoFor(std::string_view operation, ErrorCode code) {
  const int value = ErrnoFor(code);
  return MayGive(operation, value) ? value : EIO;
}

}  // namespace driveroot
