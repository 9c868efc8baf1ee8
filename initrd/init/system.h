// SPDX-License-Identifier: Apache-2.0
//
// What the kernel leaves to the first process: the file systems of the kernel
// and a clock that is not absurd.
#ifndef INITRD_INIT_SYSTEM_H_
#define INITRD_INIT_SYSTEM_H_

#include <ctime>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// Mounts /proc, /sys, /dev and /run.
Status MountKernelFileSystems();

// The start of the day YYYY-MM-DD, in UTC.
Result<time_t> ParseDay(std::string_view text);

// Sets the clock to the day in /etc/driveroot/clock-floor when it is earlier:
// with a clock before the build no certificate is valid yet, and a machine
// whose battery is empty has such a clock. Returns whether it was set.
Result<bool> RaiseClock();

}  // namespace driveroot

#endif  // INITRD_INIT_SYSTEM_H_
