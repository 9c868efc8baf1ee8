// SPDX-License-Identifier: Apache-2.0
//
// A root on a local disk, to compare with.
#ifndef DRIVEROOT_TOOLS_BENCH_ROOT_DISK_H_
#define DRIVEROOT_TOOLS_BENCH_ROOT_DISK_H_

#include <string>

#include "driveroot/base/result.h"
#include "vmtest/testbed/image.h"

namespace driveroot::bench {

// An ext4 disk image with the tree of the folder `tree`, owners included, in
// the folder `output_dir`; its path.
Result<std::string> MakeRootDisk(const vmtest::Image& image,
                                 const std::string& tree,
                                 const std::string& output_dir);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_ROOT_DISK_H_
