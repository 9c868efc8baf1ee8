// SPDX-License-Identifier: Apache-2.0
//
// Starts the guard (initrd/guard), which stays in the initramfs beside the
// daemon, and puts the new root's init under it where that is needed.
#ifndef INITRD_INIT_GUARD_START_H_
#define INITRD_INIT_GUARD_START_H_

#include <sys/types.h>

#include <span>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/process/children.h"

namespace driveroot {

// Where processes of the initramfs keep what they need after /run is gone.
inline constexpr char kStateFolder[] = "/var/lib/driveroot";

// Starts the guard of `daemon`, which serves kNewRoot over `interface`. /dev
// and /sys must still be here. Returns the socket to it.
Result<UniqueFd> StartGuard(pid_t daemon, const std::string& interface,
                            Children& children);

// From now on this process and all that it starts are under the guard's call
// filter, which keeps `guarded` alive.
Status EnterCallFilter(const UniqueFd& guard, std::span<const pid_t> guarded);

}  // namespace driveroot

#endif  // INITRD_INIT_GUARD_START_H_
