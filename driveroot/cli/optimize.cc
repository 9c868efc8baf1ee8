// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <iostream>
#include <utility>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/volume.h"

DECLARE_bool(steal);

namespace driveroot {
namespace {

std::string Describe(const BootLayout& layout) {
  return FormatBytes(layout.bytes) + " in " + std::to_string(layout.requests) +
         " requests of " + FormatBytes(layout.bytes_fetched);
}

Status Optimize(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_RETURN_IF_ERROR(StoreUnsentFirst(*opened.store));
  VolumeOptions options;
  options.steal = FLAGS_steal;
  options.wait_for_network = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(opened.store), options));
  const BootLayout before = volume->GetBootLayout();
  if (before.frames == 0) {
    return Fail(ErrorCode::kNotFound,
                "no boot of " + name.ToString() + " was noted yet");
  }
  DRIVEROOT_RETURN_IF_ERROR(volume->OptimizeBoot());
  const BootLayout after = volume->GetBootLayout();
  DRIVEROOT_RETURN_IF_ERROR(volume->Close());
  std::cout << "a boot reads " << Describe(after);
  if (after.requests != before.requests) {
    std::cout << "; before it was " << Describe(before);
  }
  std::cout << std::endl;
  return {};
}

}  // namespace

Command OptimizeCommand() {
  return {.name = "optimize",
          .arguments = "VOLUME",
          .summary = "put what the last boot read side by side",
          .details =
              "The next boot fetches it in a few large requests. A volume that "
              "machines boot from does this by itself when it is idle.",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"steal", "unsent_dir"}),
          .run = Optimize};
}

}  // namespace driveroot
