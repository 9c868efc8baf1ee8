// SPDX-License-Identifier: Apache-2.0
//
// What is read from mounted file systems that are compared, and what it costs
// when nothing is in memory yet.
#ifndef DRIVEROOT_TOOLS_BENCH_READS_H_
#define DRIVEROOT_TOOLS_BENCH_READS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/cost.h"
#include "tools/bench/mounted.h"

namespace driveroot::bench {

struct ReadPlan {
  std::string tree;        // a folder
  std::string large_file;  // alone in its folder, of at least 2 MiB
  size_t random_reads = 32;
  size_t small_files = 100;
  uint64_t small_bytes = 64 << 10;  // no file is larger

  // The folder of `large_file`.
  std::string LargeFolder() const;
};

// Each is mounted from a folder or volume of its own.
enum class Content : uint8_t { kTree, kLargeFile };

// Mounts a copy of the plan's tree or of the large file's folder; nothing that
// was read at an earlier mount is in memory.
using Mounter = std::function<Result<Mounted>(Content)>;

Result<std::vector<Cost>> MeasureReads(const Bench& bench, const ReadPlan& plan,
                                       const Mounter& mount);

// The same from volumes, which are made.
Result<std::vector<Cost>> MeasureVolumeReads(const Bench& bench,
                                             const ReadPlan& plan);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_READS_H_
