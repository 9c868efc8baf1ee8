// SPDX-License-Identifier: Apache-2.0
//
// What a program sees of an Error: the one place where driveroot's error codes
// become errno values.
#ifndef DRIVEROOT_FUSE_ERRNO_MAP_H_
#define DRIVEROOT_FUSE_ERRNO_MAP_H_

#include "driveroot/base/result.h"

namespace driveroot {

// A positive errno value, never 0.
int ErrnoFor(ErrorCode code);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_ERRNO_MAP_H_
