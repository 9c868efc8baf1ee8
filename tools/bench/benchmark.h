// SPDX-License-Identifier: Apache-2.0
//
// What the benchmark does, and what it measures.
#ifndef DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_
#define DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/packages.h"
#include "vmtest/testbed/boot_phases.h"
#include "vmtest/testbed/image.h"
#include "vmtest/testbed/traffic.h"

namespace driveroot::bench {

struct Boot {
  std::string name;
  std::vector<vmtest::BootPhase> phases;  // up to the login prompt
  vmtest::Traffic to_login;               // nothing for a disk
  double power_off_seconds = 0;
  vmtest::Traffic to_power_off;  // from power-on
};

struct Measurements {
  std::string accelerator;   // "KVM" or "software emulation"
  uint64_t image_bytes = 0;  // of uki.efi
  uint64_t tree_bytes = 0;   // of the archive with the root tree
  double push_seconds = 0;
  vmtest::Traffic push;
  // From the Drive and from the disk in turn, each twice: the first boot of a
  // root does work that later ones find done.
  std::vector<Boot> boots;
  std::vector<Installation> installations;
};

struct BenchmarkOptions {
  std::string output_dir;                // exists
  std::vector<std::string> drive_flags;  // of fakedrive
  bool packages = false;                 // whether apt-get is measured, too
};

// Says on standard output what it is doing.
Result<Measurements> RunBenchmark(const vmtest::Image& image,
                                  const BenchmarkOptions& options);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_BENCHMARK_H_
