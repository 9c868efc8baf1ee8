// SPDX-License-Identifier: Apache-2.0
//
// What the kernel leaves to the first process: the file systems of the kernel
// and a clock that is not absurd.
#ifndef INITRD_INIT_SYSTEM_H_
#define INITRD_INIT_SYSTEM_H_

#include <ctime>
#include <string>
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

// That day, as the time at which it begins.
Result<time_t> ClockFloor();

Status SetClock(time_t time);

// The UUID of the mainboard as the firmware tells it (SMBIOS type 1), in lower
// case; empty: there is none.
std::string ReadMachineUuid();

// Makes TCP find out by itself what size of packets a path lets through.
void PrepareNetworkStack();

}  // namespace driveroot

#endif  // INITRD_INIT_SYSTEM_H_
