// SPDX-License-Identifier: Apache-2.0
//
// What apt-get costs on a booted machine.
#ifndef DRIVEROOT_TOOLS_BENCH_PACKAGES_H_
#define DRIVEROOT_TOOLS_BENCH_PACKAGES_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/bench/results.h"
#include "vmtest/testbed/image.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::bench {

// Installs the same packages on a root in the Drive, once for each way in which
// its fsync can work, and on one on a local disk.
Result<std::vector<Installation>> MeasureInstallations(
    vmtest::TestBed& bed, const vmtest::Image& image,
    const std::string& output_dir);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_PACKAGES_H_
