// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <gflags/gflags.h>

#include <iostream>
#include <sstream>

#include "driveroot/base/files.h"
#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/report_notes.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/cli/volume_name.h"

DECLARE_bool(steal);

DEFINE_string(trace, "",
              "file with the paths that a boot reads, in its order, a line "
              "each: they are stored side by side and fetched in advance at "
              "the next boot; `driveroot trace` prints such a list; default: "
              "what init, its units, their programs and libraries suggest");

DEFINE_bool(cross_mounts, false,
            "push also what is mounted below the folder, and subvolumes");

namespace driveroot {
namespace {

constexpr uint64_t kMaxTraceBytes = 64 << 20;

Result<ImportOptions> ImportOptionsFromFlags() {
  ImportOptions options;
  if (FLAGS_trace.empty()) return options;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(FLAGS_trace, kMaxTraceBytes));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) options.boot_files.push_back(std::move(line));
  }
  return options;
}

Status Push(const std::vector<std::string>& arguments) {
  const std::string& path = arguments[0];
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[1]));
  // Before the volume is made: a wrong path must leave nothing behind.
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<TreeSource> source,
      OpenTreeSource(path, {.cross_mounts = FLAGS_cross_mounts}));
  DRIVEROOT_ASSIGN_OR_RETURN(const ImportOptions import_options,
                             ImportOptionsFromFlags());
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened, OpenOrCreateStore(name));
  DRIVEROOT_RETURN_IF_ERROR(StoreUnsentFirst(*opened.store));
  ProgressBar bar = ProgressBar::ForStandardError();
  TransferObserver observer;
  observer.tree = [&bar](const TransferProgress& progress) {
    bar.Update("reading", progress.done, progress.total);
  };
  observer.volume = [&bar](const VolumeProgress& progress) {
    bar.Update(progress.what, progress.done, progress.total);
  };
  VolumeOptions options;
  options.steal = FLAGS_steal;
  const Result<ImportSummary> summary = PushTree(
      std::move(opened.store), *source, options, import_options, observer);
  bar.Finish();
  if (!summary) return std::unexpected(summary.error());
  std::cout << name.ToString() << " has the tree of " << path
            << " now: " << summary->entries << " entries, "
            << FormatBytes(summary->bytes) << std::endl;
  return ReportNotes(summary->notes);
}

}  // namespace

Command PushCommand() {
  return {
      .name = "push",
      .arguments = "DIR|TAR VOLUME",
      .summary = "make a volume's tree equal to a folder or an archive",
      .details =
          "TAR may be compressed with gzip, xz or zstd; - is standard input. "
          "The volume is made if there is none. It changes in one step at the "
          "end: a push that is interrupted leaves it as it was. Modes, owners, "
          "times, links, devices, holes, access lists and extended attributes "
          "are kept. What is mounted below DIR is left out, subvolumes "
          "included, unless --cross_mounts is given. Whatever is left out or "
          "changed is told; when something could not be read, the rest is "
          "pushed and the exit code is 1.",
      .min_arguments = 2,
      .max_arguments = 2,
      .flags = WithDriveFlags({"cross_mounts", "steal", "trace", "unsent_dir"}),
      .run = Push};
}

}  // namespace driveroot
