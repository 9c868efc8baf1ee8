// SPDX-License-Identifier: Apache-2.0
//
// A whole tree to the Drive and back.
#ifndef DRIVEROOT_TOOLS_BENCH_TRANSFER_H_
#define DRIVEROOT_TOOLS_BENCH_TRANSFER_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/cost.h"

namespace driveroot::bench {

// Pushes `source`, a folder or an archive, into a new volume and pulls that
// into the folder `tree`. `what` follows "push" and "pull" in their names.
Result<std::vector<Cost>> MeasureTransfer(const Bench& bench,
                                          const std::string& source,
                                          const std::string& volume,
                                          const std::string& tree,
                                          const std::string& what = "");

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_TRANSFER_H_
