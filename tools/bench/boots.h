// SPDX-License-Identifier: Apache-2.0
//
// Machines that boot from the Drive and from a disk.
#ifndef DRIVEROOT_TOOLS_BENCH_BOOTS_H_
#define DRIVEROOT_TOOLS_BENCH_BOOTS_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/results.h"
#include "vmtest/testbed/image.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::bench {

// Boots twice from `volume` and, in turn, from a disk with the tree of the
// folder `tree`, with `driveroot optimize` before the second time.
Result<std::vector<Boot>> MeasureBoots(vmtest::TestBed& bed,
                                       const vmtest::Image& image,
                                       const std::string& volume,
                                       const std::string& tree);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_BOOTS_H_
