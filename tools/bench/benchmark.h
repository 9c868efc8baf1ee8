// SPDX-License-Identifier: Apache-2.0
//
// The benchmark as a whole.
#ifndef DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_
#define DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_

#include <string>

#include "driveroot/base/result.h"
#include "tools/bench/link.h"
#include "tools/bench/results.h"

namespace driveroot::bench {

struct BenchmarkOptions {
  std::string output_dir;  // exists
  Link link;
  bool large = false;     // whether a large tree is transferred, too
  bool reads = false;     // whether reads from mounted volumes are measured
  bool rclone = false;    // whether rclone's copies and reads are
  bool boots = false;     // whether boots are
  bool packages = false;  // whether apt-get is, on booted machines
};

// Says on standard output what it is doing. Precondition: the process has one
// thread. `program` is argv[0].
Result<Measurements> RunBenchmark(const std::string& program,
                                  const BenchmarkOptions& options);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_
