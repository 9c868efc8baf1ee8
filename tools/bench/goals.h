// SPDX-License-Identifier: Apache-2.0
//
// The figures that driveroot is to reach, beside those that were measured.
#ifndef DRIVEROOT_TOOLS_BENCH_GOALS_H_
#define DRIVEROOT_TOOLS_BENCH_GOALS_H_

#include <string>
#include <vector>

#include "tools/bench/results.h"

namespace driveroot::bench {

struct Goal {
  std::string name;
  double measured = 0;
  double limit = 0;
  bool at_most = false;  // whether `limit` is the most, or the least

  bool Met() const { return at_most ? measured <= limit : measured >= limit; }
};

// Those of what was measured: a run without boots has no goals for boots, and
// shares of the link are for a link that has a limit. Pure.
std::vector<Goal> CheckGoals(const Measurements& results);

// Creates of rclone's copy of the tree over those of its push; 0 when one was
// not measured.
double CreatesRatio(const Measurements& results);

// The part of what a boot got from the Drive that the machine asked for; 1 is
// all.
double UsefulShare(const Boot& boot);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_GOALS_H_
