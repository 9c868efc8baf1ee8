// SPDX-License-Identifier: Apache-2.0
//
// Disk images for machines.
#ifndef DRIVEROOT_VMTEST_TESTBED_DISK_H_
#define DRIVEROOT_VMTEST_TESTBED_DISK_H_

#include <string>

#include "driveroot/base/result.h"
#include "vmtest/testbed/image.h"

namespace driveroot::vmtest {

struct DiskContents {
  std::string tree;   // a folder; owners and modes are kept
  std::string disk;   // the image file to make
  std::string size;   // as mkfs.ext4 has it: "1G"
  std::string label;  // of the file system; may be empty
};

// Makes a disk that is one ext4 file system with a tree on it.
Status MakeDisk(const Image& image, const DiskContents& contents);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_DISK_H_
