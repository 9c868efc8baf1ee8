// SPDX-License-Identifier: Apache-2.0
//
// How often the kernel asked for each operation. Each is a round trip between
// the process that waits and the daemon, so this is what a workload on a mount
// costs besides its data.
#ifndef DRIVEROOT_FUSE_REQUEST_COUNTS_H_
#define DRIVEROOT_FUSE_REQUEST_COUNTS_H_

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace driveroot {

// Operations by libfuse's name for them, with the requests that this process
// got since it started, over all its mounts; those that never came are left
// out. Thread-safe.
std::vector<std::pair<std::string_view, uint64_t>> RequestCounts();

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_REQUEST_COUNTS_H_
