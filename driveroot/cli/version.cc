// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/version.h"

#include <iostream>

#include "driveroot/cli/commands.h"

namespace driveroot {
namespace {

Status Version(const std::vector<std::string>&) {
  std::cout << "driveroot " << kVersion << std::endl;
  return {};
}

}  // namespace

Command VersionCommand() {
  return {.name = "version",
          .arguments = "",
          .summary = "print the version",
          .details = "",
          .min_arguments = 0,
          .max_arguments = 0,
          .flags = {},
          .run = Version};
}

}  // namespace driveroot
