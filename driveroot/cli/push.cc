// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <gflags/gflags.h>

#include <iostream>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/volume_name.h"

DECLARE_bool(steal);

namespace driveroot {
namespace {

// `created` tells whether the volume was not there before.
Result<OpenedStore> OpenOrCreateStore(const VolumeName& name, bool& created) {
  Result<OpenedStore> opened = OpenStore(name, Patience::kCommand);
  created = !opened && opened.error().code() == ErrorCode::kNotFound;
  return created ? CreateStore(name) : std::move(opened);
}

// A push that fails leaves the volume as it was, which for a new one is empty.
Error PushFailed(const Error& error, const VolumeName& name, bool created) {
  if (!created) return error;
  return Error(error.code(), error.message() + "; " + name.ToString() +
                                 " was made and is still empty");
}

Status Push(const std::vector<std::string>& arguments) {
  const std::string& path = arguments[0];
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[1]));
  // Before the volume is made: a wrong path must leave nothing behind.
  DRIVEROOT_RETURN_IF_ERROR(OpenTreeSource(path));
  bool created = false;
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenOrCreateStore(name, created));
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
  const Result<ImportSummary> summary =
      PushTree(std::move(opened.store), path, options, observer);
  bar.Finish();
  if (!summary) {
    return std::unexpected(PushFailed(summary.error(), name, created));
  }
  std::cout << name.ToString() << " has the tree of " << path
            << " now: " << summary->entries << " entries, "
            << FormatBytes(summary->bytes) << std::endl;
  return {};
}

}  // namespace

Command PushCommand() {
  return {
      .name = "push",
      .arguments = "DIR|TAR VOLUME",
      .summary = "make a volume's tree equal to a folder or an archive",
      .details =
          "TAR may be compressed with zstd; - is standard input. The volume "
          "is made if there is none. It changes in one step at the end: a "
          "push that is interrupted leaves it as it was. Modes, owners, "
          "times, links, devices and extended attributes are kept.",
      .min_arguments = 2,
      .max_arguments = 2,
      .flags = WithDriveFlags({"steal"}),
      .run = Push};
}

}  // namespace driveroot
