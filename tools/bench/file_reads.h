// SPDX-License-Identifier: Apache-2.0
//
// What reading from a mounted file system costs, whichever it is. It is to be
// freshly mounted, so that nothing of what is read is in memory.
#ifndef DRIVEROOT_TOOLS_BENCH_FILE_READS_H_
#define DRIVEROOT_TOOLS_BENCH_FILE_READS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/cost.h"

namespace driveroot::bench {

// Names of the costs.
inline constexpr char kMountName[] = "mount";
inline constexpr char kSequentialName[] = "sequential read";
inline constexpr char kRandomName[] = "random 4 KiB reads";
inline constexpr char kWalkName[] = "list and stat all";
inline constexpr char kMissingName[] = "names not there";
inline constexpr char kSmallName[] = "small files";

// Makes a file of `bytes` that do not compress.
Status MakeLargeFile(const std::string& path, uint64_t bytes);

// Regular files of at most `max_bytes` below the folder `tree`, as paths in it:
// `count` of them, or all if there are fewer, evenly from the sorted list.
Result<std::vector<std::string>> SampleFiles(const std::string& tree,
                                             size_t count, uint64_t max_bytes);

// Reads a file from its begin to its end. The share of the link is that from
// the second MiB on: the first one shows the latency.
Result<Cost> ReadSequentially(const Bench& bench, const std::string& path);

// Reads 4 KiB at each of `count` places in different parts of a file, in a
// random order.
Result<Cost> ReadRandomly(const Bench& bench, const std::string& path,
                          size_t count);

// Lists every folder below `tree` and looks at every entry (lstat).
Result<Cost> WalkTree(const Bench& bench, const std::string& tree);

// Looks for a name that is not there in every folder below `tree`.
Result<Cost> LookForMissing(const Bench& bench, const std::string& tree);

// Opens, reads and closes each of `files`, paths in `tree`.
Result<Cost> ReadFiles(const Bench& bench, const std::string& tree,
                       const std::vector<std::string>& files);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_FILE_READS_H_
