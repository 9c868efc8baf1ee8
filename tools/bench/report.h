// SPDX-License-Identifier: Apache-2.0
//
// The benchmark's results for people and for programs. Pure functions.
#ifndef DRIVEROOT_TOOLS_BENCH_REPORT_H_
#define DRIVEROOT_TOOLS_BENCH_REPORT_H_

#include <string>

#include "tools/bench/results.h"

namespace driveroot::bench {

// A table, with the ratios of boots from the Drive to those from the disk, and
// the goals.
std::string FormatTable(const Measurements& results);

// One JSON object with all of it.
std::string FormatJson(const Measurements& results);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_REPORT_H_
