// SPDX-License-Identifier: Apache-2.0
//
// What one piece of work cost: a line of the benchmark's table.
#ifndef DRIVEROOT_TOOLS_BENCH_COST_H_
#define DRIVEROOT_TOOLS_BENCH_COST_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "driveroot/base/result.h"
#include "tools/bench/link.h"
#include "vmtest/testbed/private_drive.h"
#include "vmtest/testbed/traffic.h"

namespace driveroot::bench {

// Where measurements are made.
struct Bench {
  vmtest::PrivateDrive& drive;
  Link link;
};

struct Cost {
  std::string name;
  std::string unit = {};    // of what was done: "entries", "reads", "files"
  uint64_t operations = 0;  // how many of these
  uint64_t bytes = 0;       // that a program got or gave
  double seconds = 0;
  vmtest::Traffic traffic = {};
  // Of the bandwidth in the direction that was used, where there is a limit.
  std::optional<double> link_share = {};
  // Requests of which each began when the one before it had ended.
  std::optional<uint64_t> round_trips = {};
};

// The time and the traffic of `work`, which may fill in the rest.
Result<Cost> MeasureCost(const Bench& bench, const std::string& name,
                         const std::function<Status(Cost&)>& work);

// Runs `work` with a link as fast as it can be: for what is not measured.
Status OnFastLink(const Bench& bench, const std::function<Status()>& work);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_COST_H_
