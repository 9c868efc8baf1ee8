// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/root_disk.h"

#include <filesystem>
#include <iostream>
#include <system_error>

#include "vmtest/testbed/disk.h"

namespace driveroot::bench {
namespace {

// Room for the root tree, what a boot writes, and packages.
constexpr char kDiskSize[] = "2G";

}  // namespace

Result<std::string> MakeRootDisk(vmtest::TestBed& bed,
                                 const vmtest::Image& image,
                                 const std::string& volume,
                                 const std::string& output_dir) {
  std::cout << "making a disk with the same tree" << std::endl;
  const std::string tree = output_dir + "/tree";
  const std::string disk = output_dir + "/disk.img";
  DRIVEROOT_RETURN_IF_ERROR(bed.Driveroot("pull", {volume, tree}));
  const Status made = vmtest::MakeDisk(
      image, {.tree = tree, .disk = disk, .size = kDiskSize, .label = ""});
  std::error_code error;
  std::filesystem::remove_all(tree, error);
  if (!made) return std::unexpected(made.error());
  return disk;
}

}  // namespace driveroot::bench
