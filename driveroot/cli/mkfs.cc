// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

Status Mkfs(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const OpenedStore opened, CreateStore(name));
  FormatOptions options;
  options.uid = geteuid();
  options.gid = getegid();
  DRIVEROOT_RETURN_IF_ERROR(Volume::Format(*opened.store, options));
  std::cout << name.ToString() << " is a volume now, and empty" << std::endl;
  return {};
}

}  // namespace

Command MkfsCommand() {
  return {.name = "mkfs",
          .arguments = "VOLUME",
          .summary = "make an empty volume",
          .details =
              "A volume that is there already is left as it is, and that "
              "is an error.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags(),
          .run = Mkfs};
}

}  // namespace driveroot
