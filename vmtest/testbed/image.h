// SPDX-License-Identifier: Apache-2.0
//
// The built files that a machine boots from, with the programs around it.
#ifndef DRIVEROOT_VMTEST_TESTBED_IMAGE_H_
#define DRIVEROOT_VMTEST_TESTBED_IMAGE_H_

#include <string>

#include "driveroot/base/result.h"
#include "vmtest/machine/machine.h"
#include "vmtest/testbed/programs.h"

namespace driveroot::vmtest {

struct Image : Programs {
  std::string uki;
  std::string kernel;
  QemuFiles qemu;
};

// As FindPrograms().
Result<Image> FindImage(const std::string& program);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_IMAGE_H_
