// SPDX-License-Identifier: Apache-2.0
//
// The built files that a machine boots from and the programs around it, found
// among the runfiles of whoever asks for them (see image_files in BUILD.bazel).
#ifndef DRIVEROOT_VMTEST_TESTBED_IMAGE_H_
#define DRIVEROOT_VMTEST_TESTBED_IMAGE_H_

#include <string>

#include "driveroot/base/result.h"
#include "vmtest/machine/machine.h"

namespace driveroot::vmtest {

struct Image {
  std::string driveroot;  // the command line program
  std::string fakedrive;
  std::string uki;
  std::string kernel;
  QemuFiles qemu;

  // A file of the main repository by its path there, e.g. "rootfs/debian.tar".
  std::string File(const std::string& path) const;

  std::string runfiles;  // absolute
};

// `program` is argv[0]. kNotFound: it was not started from where Bazel built
// it, with its runfiles beside it.
Result<Image> FindImage(const std::string& program);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_IMAGE_H_
