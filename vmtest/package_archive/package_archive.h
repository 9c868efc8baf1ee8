// SPDX-License-Identifier: Apache-2.0
//
// An apt archive on a disk, for machines that install packages.
#ifndef DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGE_ARCHIVE_H_
#define DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGE_ARCHIVE_H_

#include <string>

#include "driveroot/base/result.h"
#include "vmtest/testbed/image.h"

namespace driveroot::vmtest {

// The file system's label: /dev/disk/by-label/packages in the machine.
inline constexpr char kPackageArchiveLabel[] = "packages";

// Makes the disk image `disk`, ext4, with the packages of @debian_programs and
// their index at its top. Works in the folder `scratch_dir`, which exists.
Status MakePackageArchive(const Image& image, const std::string& scratch_dir,
                          const std::string& disk);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGE_ARCHIVE_H_
