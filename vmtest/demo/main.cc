// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "vmtest/demo/demo.h"

DEFINE_bool(check, false,
            "boot without a terminal, see the login prompt, power off, and say "
            "how long each phase took");
DEFINE_string(state_dir, "",
              "where the fake Drive is kept; default: driveroot/demo in the "
              "user's data folder");

namespace driveroot::vmtest {
namespace {

// The XDG Base Directory Specification's data folder.
std::string DefaultStateDir() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data == '/') {
    return std::string(data) + "/driveroot/demo";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") +
         "/.local/share/driveroot/demo";
}

int Main(const std::string& program) {
  const Result<Image> image = FindImage(program);
  if (!image) {
    std::cerr << "demo: " << image.error().message() << std::endl;
    return 1;
  }
  Demo demo(*image,
            FLAGS_state_dir.empty() ? DefaultStateDir() : FLAGS_state_dir);
  Status status = demo.Prepare();
  if (status) status = FLAGS_check ? demo.Check() : demo.RunInTerminal();
  if (status) return 0;
  std::cerr << "demo: " << status.error().message() << std::endl;
  return 1;
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "boots a Debian system from a fake Google Drive in a virtual machine");
  const std::string program = argv[0];
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return driveroot::vmtest::Main(program);
}
