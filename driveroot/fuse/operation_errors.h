// SPDX-License-Identifier: Apache-2.0
//
// Which errors each operation may give a program: those that POSIX.1-2017 or
// the Linux manual lists for its system calls. What a server says has no other
// meaning for a program than EIO: an HTTP status that became kPermissionDenied
// must not come out of read(2) as EACCES. Thread-safe.
#ifndef DRIVEROOT_FUSE_OPERATION_ERRORS_H_
#define DRIVEROOT_FUSE_OPERATION_ERRORS_H_

#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// Whether `errno_value` is among the errors of an operation, a member of
// fuse_lowlevel_ops. One that is not known has EIO and EINTR only.
bool MayGive(std::string_view operation, int errno_value);

// ErrnoFor(code) where the operation may give that, else EIO.
int ErrnoFor(std::string_view operation, ErrorCode code);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_OPERATION_ERRORS_H_
