// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/programs.h"

#include <cstdlib>
#include <filesystem>

namespace driveroot::vmtest {

std::string Programs::File(const std::string& path) const {
  return runfiles + "/driveroot/" + path;
}

Result<Programs> FindPrograms(const std::string& program) {
  Programs programs;
  // Bazel's test runner names the folder; otherwise it is beside the program.
  const char* test_files = std::getenv("TEST_SRCDIR");
  const std::filesystem::path runfiles =
      test_files != nullptr ? test_files : program + ".runfiles";
  programs.runfiles = std::filesystem::absolute(runfiles);
  programs.driveroot = programs.File("driveroot/driveroot");
  programs.fakedrive = programs.File("vmtest/fakedrive/fakedrive");
  DRIVEROOT_RETURN_IF_ERROR(CheckRunfile(programs.driveroot));
  DRIVEROOT_RETURN_IF_ERROR(CheckRunfile(programs.fakedrive));
  return programs;
}

Status CheckRunfile(const std::string& file) {
  if (std::filesystem::exists(file)) return {};
  return Fail(ErrorCode::kNotFound,
              file + " is not there: run this through Bazel");
}

}  // namespace driveroot::vmtest
