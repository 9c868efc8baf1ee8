// SPDX-License-Identifier: Apache-2.0
//
// How much memory this process may take: the machine's, or less when its
// control groups (version 2) or its resource limits say so. Thread-safe.
#ifndef DRIVEROOT_BASE_MACHINE_MEMORY_H_
#define DRIVEROOT_BASE_MACHINE_MEMORY_H_

#include <cstdint>
#include <string>

namespace driveroot {

// Bytes. Swap space does not count.
uint64_t MachineMemory();

// The lowest `memory.max` of the control group that `membership`, the contents
// of /proc/PID/cgroup, names, and of all above it; UINT64_MAX when there is
// none. `root` is where control groups are mounted.
uint64_t ControlGroupMemory(const std::string& membership,
                            const std::string& root);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_MACHINE_MEMORY_H_
