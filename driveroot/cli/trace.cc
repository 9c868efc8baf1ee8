// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <utility>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/transfer/boot_files.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

Status PrintTrace(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  VolumeOptions options;
  options.read_only = true;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(opened.store), options));
  const std::vector<std::string> paths = BootFiles(*volume->Read());
  if (paths.empty()) {
    return Fail(ErrorCode::kNotFound,
                "no boot of " + name.ToString() + " was noted yet");
  }
  for (const std::string& path : paths) std::cout << path << "\n";
  std::cout << std::flush;
  return {};
}

}  // namespace

Command TraceCommand() {
  return {.name = "trace",
          .arguments = "VOLUME",
          .summary = "print the files that the last boot read, in its order",
          .details = "The list is what `driveroot push --trace=FILE` takes.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags(),
          .run = PrintTrace};
}

}  // namespace driveroot
