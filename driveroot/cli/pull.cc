// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/report_notes.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/transfer/push.h"

namespace driveroot {
namespace {

Status Pull(const std::vector<std::string>& arguments) {
  const std::string& path = arguments[1];
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  ProgressBar bar = ProgressBar::ForStandardError();
  TransferObserver observer;
  observer.tree = [&bar](const TransferProgress& progress) {
    bar.Update("writing", progress.done, progress.total);
  };
  const Result<ExportSummary> summary =
      PullTree(std::move(opened.store), path, VolumeOptions{}, observer);
  bar.Finish();
  if (!summary) return std::unexpected(summary.error());
  // Standard output may be the archive.
  std::cerr << path << " has the tree of " << name.ToString()
            << " now: " << summary->entries << " entries, "
            << FormatBytes(summary->bytes) << std::endl;
  return ReportNotes(summary->notes);
}

}  // namespace

Command PullCommand() {
  return {.name = "pull",
          .arguments = "VOLUME DIR|TAR",
          .summary = "write a volume's tree to a folder or an archive",
          .details =
              "A path that ends in .tar, .tar.gz, .tar.xz or .tar.zst is an "
              "archive, - is one to standard output; any other is a folder, "
              "empty or not there yet. Owners, set-id bits and devices need "
              "root. What is left out is told.",
          .min_arguments = 2,
          .max_arguments = 2,
          .flags = WithDriveFlags(),
          .run = Pull};
}

}  // namespace driveroot
