// SPDX-License-Identifier: Apache-2.0
//
// The same tree by way of rclone, the usual way to use Google Drive on Linux:
// `rclone copy` for push, `rclone mount` for mount. It runs as Debian packages
// it, against the same fake Drive.
#ifndef DRIVEROOT_TOOLS_BENCH_RCLONE_H_
#define DRIVEROOT_TOOLS_BENCH_RCLONE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/cost.h"
#include "tools/bench/reads.h"

namespace driveroot::bench {

struct RcloneCosts {
  // Of the whole tree, on a link as fast as can be: only its counts mean
  // something.
  Cost copy;
  // Of some of its files, on the link and without settings of ours.
  Cost sample;
  // What that makes for the whole tree if each file and folder takes as long.
  double extrapolated_seconds = 0;
  std::vector<Cost> reads;  // from `rclone mount --vfs-cache-mode full`
};

// `programs` is the folder with the programs rclone and fusermount; so many
// files are in the sample.
Result<RcloneCosts> MeasureRclone(const Bench& bench, const ReadPlan& plan,
                                  const std::string& programs,
                                  size_t sample_files);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_RCLONE_H_
