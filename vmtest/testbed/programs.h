// SPDX-License-Identifier: Apache-2.0
//
// The programs under test, found among the runfiles of whoever asks for them.
#ifndef DRIVEROOT_VMTEST_TESTBED_PROGRAMS_H_
#define DRIVEROOT_VMTEST_TESTBED_PROGRAMS_H_

#include <string>

#include "driveroot/base/result.h"

namespace driveroot::vmtest {

struct Programs {
  std::string driveroot;  // the command line program
  std::string fakedrive;

  // A file of the main repository by its path there, e.g. "rootfs/debian.tar".
  std::string File(const std::string& path) const;

  std::string runfiles;  // absolute
};

// `program` is argv[0]. kNotFound: it was not started from where Bazel built
// it, with its runfiles beside it.
Result<Programs> FindPrograms(const std::string& program);

// kNotFound: there is no such file.
Status CheckRunfile(const std::string& file);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_PROGRAMS_H_
