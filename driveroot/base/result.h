// SPDX-License-Identifier: Apache-2.0
//
// Result<T> is what every fallible function of driveroot returns: a value, or
// an Error that says what went wrong, to what, and whether a retry can help.
// No exception crosses an interface.
//
//   Result<Buffer> bytes = store.Read(id, offset, length);
//   if (!bytes) return std::unexpected(bytes.error().WithContext("segment 7"));
//
// An Error is a plain value: copying it is safe from any thread.
//
// ErrorCode has one value for each outcome that some caller treats apart. The
// file system codes stand for the errno values of POSIX.1-2017, section 2.3;
// they become numbers only at the FUSE edge (driveroot/fuse/errno_map.h).
#ifndef DRIVEROOT_BASE_RESULT_H_
#define DRIVEROOT_BASE_RESULT_H_

#include <cstdint>
#include <expected>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace driveroot {

enum class ErrorCode : uint8_t {
  // Anything.
  kInternal,         // A broken invariant of driveroot itself. EIO
  kInvalidArgument,  // The caller's input makes no sense. EINVAL
  kNotSupported,     // Known, and deliberately refused. EOPNOTSUPP
  kCancelled,        // Given up on purpose, e.g. at shutdown. EINTR
  kIo,               // The local operating system failed a call. EIO

  // Stores and the network.
  kNotFound,            // No such object, file or name. ENOENT
  kAlreadyExists,       // The id or name is taken. EEXIST
  kPermissionDenied,    // The server or the system refuses us. EACCES
  kUnauthenticated,     // The credentials are wrong or expired. EACCES
  kUnavailable,         // The network or the server, for now. Retried.
  kOutOfSpace,          // The quota is used up. ENOSPC
  kDataLoss,            // Bytes do not match their hash or grammar. EIO
  kFenced,              // Another writer has taken the volume over. EROFS
  kUnsupportedVersion,  // Written by a newer driveroot. EIO

  // POSIX file systems.
  kNotPermitted,         // EPERM
  kNotDirectory,         // ENOTDIR
  kIsDirectory,          // EISDIR
  kNotEmpty,             // ENOTEMPTY
  kNameTooLong,          // ENAMETOOLONG
  kTooManyLinks,         // EMLINK
  kFileTooLarge,         // EFBIG
  kReadOnly,             // EROFS
  kNoAttribute,          // ENODATA
  kRange,                // ERANGE
  kNoSuchDeviceAddress,  // ENXIO, e.g. lseek(SEEK_DATA) past the end
  kBusy,                 // EBUSY
  kBadHandle,            // EBADF
  kArgumentTooBig,       // E2BIG
  kCrossDevice,          // EXDEV
  kStale,                // ESTALE
};

// The code's name without the k, e.g. "NotFound", for logs and tests.
std::string_view ErrorCodeName(ErrorCode code);

class Error {
 public:
  // `message` is one sentence that names the thing and, where there is one, the
  // remedy. It must never hold a token.
  Error(ErrorCode code, std::string message)
      : code_(code),
        retryable_(code == ErrorCode::kUnavailable),
        message_(std::move(message)) {}

  // An error of a system call: maps the usual errno values to codes and ends
  // the message with strerror's text. `what` says what was being done to what,
  // e.g. "cannot open /etc/hosts".
  static Error FromErrno(int errno_value, std::string_view what);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // Whether the same call may succeed later with nothing else changed.
  bool retryable() const { return retryable_; }

  // The same error with "context: " before its message.
  Error WithContext(std::string_view context) const;

  // "NotFound: cannot open /etc/hosts: No such file or directory".
  std::string ToString() const;

  friend std::ostream& operator<<(std::ostream& out, const Error& error) {
    return out << error.ToString();
  }

 private:
  ErrorCode code_;
  bool retryable_;
  std::string message_;
};

template <typename T>
using Result = std::expected<T, Error>;

// A Result with nothing to return but success.
using Status = Result<void>;

// Shorthand for a failed Result: `return Fail(ErrorCode::kNotFound, "…")`.
inline std::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}

}  // namespace driveroot

// Evaluates `expression`, a Result; on failure returns its error from the
// enclosing function, else assigns or declares `lhs` with its value. No lambda
// can do this, since a lambda cannot return from its caller.
#define DRIVEROOT_ASSIGN_OR_RETURN(lhs, expression) \
  DRIVEROOT_ASSIGN_OR_RETURN_IMPL_(                 \
      DRIVEROOT_CONCAT_(driveroot_result_, __LINE__), lhs, expression)
#define DRIVEROOT_ASSIGN_OR_RETURN_IMPL_(result, lhs, expression) \
  auto result = (expression);                                     \
  if (!result) return std::unexpected(std::move(result).error()); \
  lhs = *std::move(result)

// Evaluates `expression`, a Result; on failure returns its error from the
// enclosing function.
#define DRIVEROOT_RETURN_IF_ERROR(expression)                      \
  do {                                                             \
    if (auto driveroot_status = (expression); !driveroot_status) { \
      return std::unexpected(std::move(driveroot_status).error()); \
    }                                                              \
  } while (false)

#define DRIVEROOT_CONCAT_(a, b) DRIVEROOT_CONCAT_IMPL_(a, b)
#define DRIVEROOT_CONCAT_IMPL_(a, b) a##b

#endif  // DRIVEROOT_BASE_RESULT_H_
