// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/root_disk.h"

#include <iostream>

#include "vmtest/testbed/disk.h"

namespace driveroot::bench {
namespace {

// Room for the root tree, what a boot writes, and packages.
constexpr char kDiskSize[] = "2G";

}  // namespace

Result<std::string> MakeRootDisk(const vmtest::Image& image,
                                 const std::string& tree,
                                 const std::string& output_dir) {
  std::cout << "making a disk with the same tree" << std::endl;
  const std::string disk = output_dir + "/disk.img";
  DRIVEROOT_RETURN_IF_ERROR(vmtest::MakeDisk(
      image, {.tree = tree, .disk = disk, .size = kDiskSize, .label = ""}));
  return disk;
}

}  // namespace driveroot::bench
