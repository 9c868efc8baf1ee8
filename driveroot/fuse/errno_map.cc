// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/errno_map.h"

#include <cerrno>

namespace driveroot {

int ErrnoFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
    case ErrorCode::kIo:
    case ErrorCode::kDataLoss:
    case ErrorCode::kUnsupportedVersion:
      return EIO;
    case ErrorCode::kInvalidArgument:
      return EINVAL;
    case ErrorCode::kNotSupported:
      return EOPNOTSUPP;
    case ErrorCode::kCancelled:
      return EINTR;
    case ErrorCode::kNotFound:
      return ENOENT;
    case ErrorCode::kAlreadyExists:
      return EEXIST;
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
      return EACCES;
    // Seen only where the user asked for a limit: without one it is waited out.
    case ErrorCode::kUnavailable:
      return EAGAIN;
    case ErrorCode::kOutOfSpace:
      return ENOSPC;
    case ErrorCode::kFenced:
    case ErrorCode::kReadOnly:
      return EROFS;
    case ErrorCode::kNotPermitted:
      return EPERM;
    case ErrorCode::kNotDirectory:
      return ENOTDIR;
    case ErrorCode::kIsDirectory:
      return EISDIR;
    case ErrorCode::kNotEmpty:
      return ENOTEMPTY;
    case ErrorCode::kNameTooLong:
      return ENAMETOOLONG;
    case ErrorCode::kTooManyLinks:
      return EMLINK;
    case ErrorCode::kFileTooLarge:
      return EFBIG;
    case ErrorCode::kNoAttribute:
      return ENODATA;
    case ErrorCode::kRange:
      return ERANGE;
    case ErrorCode::kNoSuchDeviceAddress:
      return ENXIO;
    case ErrorCode::kBusy:
      return EBUSY;
    case ErrorCode::kBadHandle:
      return EBADF;
    case ErrorCode::kArgumentTooBig:
      return E2BIG;
    case ErrorCode::kCrossDevice:
      return EXDEV;
    case ErrorCode::kStale:
      return ESTALE;
  }
  return EIO;
}

}  // namespace driveroot
