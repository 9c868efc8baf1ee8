// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/result.h"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace driveroot {
namespace {

ErrorCode CodeFromErrno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
      return ErrorCode::kPermissionDenied;
    case EPERM:
      return ErrorCode::kNotPermitted;
    case EINVAL:
      return ErrorCode::kInvalidArgument;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kNotSupported;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kOutOfSpace;
    case ENOTDIR:
      return ErrorCode::kNotDirectory;
    case EISDIR:
      return ErrorCode::kIsDirectory;
    case ENOTEMPTY:
      return ErrorCode::kNotEmpty;
    case ENAMETOOLONG:
      return ErrorCode::kNameTooLong;
    case EMLINK:
      return ErrorCode::kTooManyLinks;
    case EFBIG:
      return ErrorCode::kFileTooLarge;
    case EROFS:
      return ErrorCode::kReadOnly;
    case ENODATA:
      return ErrorCode::kNoAttribute;
    case ERANGE:
      return ErrorCode::kRange;
    case ENXIO:
      return ErrorCode::kNoSuchDeviceAddress;
    case EBUSY:
      return ErrorCode::kBusy;
    case EBADF:
      return ErrorCode::kBadHandle;
    case E2BIG:
      return ErrorCode::kArgumentTooBig;
    case EXDEV:
      return ErrorCode::kCrossDevice;
    case ESTALE:
      return ErrorCode::kStale;
    case EINTR:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return "Internal";
    case ErrorCode::kInvalidArgument:
      return "InvalidArgument";
    case ErrorCode::kNotSupported:
      return "NotSupported";
    case ErrorCode::kCancelled:
      return "Cancelled";
    case ErrorCode::kIo:
      return "Io";
    case ErrorCode::kNotFound:
      return "NotFound";
    case ErrorCode::kAlreadyExists:
      return "AlreadyExists";
    case ErrorCode::kPermissionDenied:
      return "PermissionDenied";
    case ErrorCode::kUnauthenticated:
      return "Unauthenticated";
    case ErrorCode::kUnavailable:
      return "Unavailable";
    case ErrorCode::kOutOfSpace:
      return "OutOfSpace";
    case ErrorCode::kDataLoss:
      return "DataLoss";
    case ErrorCode::kFenced:
      return "Fenced";
    case ErrorCode::kUnsupportedVersion:
      return "UnsupportedVersion";
    case ErrorCode::kNotPermitted:
      return "NotPermitted";
    case ErrorCode::kNotDirectory:
      return "NotDirectory";
    case ErrorCode::kIsDirectory:
      return "IsDirectory";
    case ErrorCode::kNotEmpty:
      return "NotEmpty";
    case ErrorCode::kNameTooLong:
      return "NameTooLong";
    case ErrorCode::kTooManyLinks:
      return "TooManyLinks";
    case ErrorCode::kFileTooLarge:
      return "FileTooLarge";
    case ErrorCode::kReadOnly:
      return "ReadOnly";
    case ErrorCode::kNoAttribute:
      return "NoAttribute";
    case ErrorCode::kRange:
      return "Range";
    case ErrorCode::kNoSuchDeviceAddress:
      return "NoSuchDeviceAddress";
    case ErrorCode::kBusy:
      return "Busy";
    case ErrorCode::kBadHandle:
      return "BadHandle";
    case ErrorCode::kArgumentTooBig:
      return "ArgumentTooBig";
    case ErrorCode::kCrossDevice:
      return "CrossDevice";
    case ErrorCode::kStale:
      return "Stale";
  }
  return "Unknown";
}

Error Error::FromErrno(int errno_value, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(errno_value);
  return Error(CodeFromErrno(errno_value), std::move(message));
}

Error Error::WithContext(std::string_view context) const {
  Error result = *this;
  result.message_ = std::string(context) + ": " + message_;
  return result;
}

std::string Error::ToString() const {
  return std::string(ErrorCodeName(code_)) + ": " + message_;
}

}  // namespace driveroot
