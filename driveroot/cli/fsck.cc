// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <iostream>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/check.h"

DEFINE_bool(data, true, "read all data and check its hashes, too");

namespace driveroot {
namespace {

Status Fsck(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  ProgressBar bar = ProgressBar::ForStandardError();
  CheckOptions options;
  options.verify_data = FLAGS_data;
  options.progress = [&bar](const VolumeProgress& progress) {
    bar.Update(progress.what, progress.done, progress.total);
  };
  const Result<CheckReport> report = CheckVolume(*opened.store, options);
  bar.Finish();
  if (!report) return std::unexpected(report.error());
  for (const std::string& problem : report->problems) {
    std::cout << problem << "\n";
  }
  std::cout << name.ToString() << ": " << report->inodes << " inodes, "
            << report->directories << " directories, "
            << FormatBytes(report->data_bytes) << " of data in "
            << report->frames << " frames of " << report->objects << " objects"
            << std::endl;
  const uint64_t problems = report->problems.size() + report->more_problems;
  if (problems == 0) {
    std::cout << "no problem found" << (FLAGS_data ? "" : "; data was not read")
              << std::endl;
    return {};
  }
  return Fail(ErrorCode::kDataLoss,
              std::to_string(problems) + " problems in " + name.ToString());
}

}  // namespace

Command FsckCommand() {
  return {.name = "fsck",
          .arguments = "VOLUME",
          .summary = "check a volume; changes nothing",
          .details = "",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"data"}),
          .run = Fsck};
}

}  // namespace driveroot
