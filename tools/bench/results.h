// SPDX-License-Identifier: Apache-2.0
//
// What the benchmark measures. Plain values.
#ifndef DRIVEROOT_TOOLS_BENCH_RESULTS_H_
#define DRIVEROOT_TOOLS_BENCH_RESULTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/cost.h"
#include "tools/bench/link.h"
#include "tools/bench/rclone.h"
#include "vmtest/testbed/boot_phases.h"
#include "vmtest/testbed/traffic.h"

namespace driveroot::bench {

struct Boot {
  std::string name;
  std::vector<vmtest::BootPhase> phases;  // up to the login prompt
  vmtest::Traffic to_login = {};          // nothing for a disk
  double power_off_seconds = 0;
  vmtest::Traffic to_power_off = {};  // from power-on
  // Of what came from the Drive until power-off, the stored bytes of frames
  // that the machine asked for. The rest is neighbours that nobody read, and
  // metadata.
  uint64_t useful_bytes = 0;
};

struct Installation {
  std::string name;
  double seconds = 0;            // of one apt-get install, in the machine
  vmtest::Traffic traffic = {};  // nothing for a disk
};

struct Measurements {
  Link link;
  uint64_t tree_bytes = 0;      // of the archive with the root tree
  std::vector<Cost> transfers;  // of the root tree, and perhaps a large one
  std::vector<Cost> reads;      // from mounted volumes; may be empty
  std::optional<RcloneCosts> rclone;
  // Nothing without boots.
  std::string accelerator;   // "KVM" or "software emulation"
  uint64_t image_bytes = 0;  // of uki.efi
  // From the Drive and from the disk in turn, each twice: the first boot of a
  // root does work that later ones find done. Then once more from the Drive
  // with syncs that do not wait.
  std::vector<Boot> boots;
  std::vector<Installation> installations;
};

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_RESULTS_H_
