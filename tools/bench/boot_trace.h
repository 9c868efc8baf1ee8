// SPDX-License-Identifier: Apache-2.0
//
// What the last boot of a volume asked for.
#ifndef DRIVEROOT_TOOLS_BENCH_BOOT_TRACE_H_
#define DRIVEROOT_TOOLS_BENCH_BOOT_TRACE_H_

#include <cstdint>
#include <string>

#include "driveroot/base/result.h"
#include "vmtest/testbed/private_drive.h"

namespace driveroot::bench {

// The stored bytes of the frames that it noted. The volume is not mounted.
Result<uint64_t> BootTraceBytes(const vmtest::PrivateDrive& drive,
                                const std::string& volume);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_BOOT_TRACE_H_
