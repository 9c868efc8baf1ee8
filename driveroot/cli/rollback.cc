// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <iostream>
#include <utility>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/history_point_text.h"
#include "driveroot/cli/progress_bar.h"
#include "driveroot/cli/unsent_mount.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/writer_identity.h"

DECLARE_bool(steal);

namespace driveroot {
namespace {

Status RollBack(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const VolumeName name,
                             ParseVolumeName(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const HistoryPoint point,
                             ParseHistoryPoint(arguments[1], NowNs()));
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  DRIVEROOT_RETURN_IF_ERROR(StoreUnsentFirst(*opened.store));
  VolumeOptions options;
  options.steal = FLAGS_steal;
  // One step, and an error instead of waiting for ever.
  options.single_transaction = true;
  options.wait_for_network = false;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(opened.store), options));
  const uint64_t before = volume->GetStatus().last_durable_record;
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t record, volume->RollBack(point));
  ProgressBar bar = ProgressBar::ForStandardError();
  const Status closed = volume->Close([&bar](const VolumeProgress& progress) {
    bar.Update(progress.what, progress.done, progress.total);
  });
  bar.Finish();
  DRIVEROOT_RETURN_IF_ERROR(closed);
  std::cout << name.ToString() << " is as it was after record " << record
            << "; to undo this: driveroot rollback " << name.ToString() << " "
            << before << std::endl;
  return {};
}

}  // namespace

Command RollbackCommand() {
  return {.name = "rollback",
          .arguments = "VOLUME RECORD|TIME",
          .summary = "make a volume's tree what it was before",
          .details =
              "TIME is like 2026-03-01T12:30:00Z, 2026-03-01 12:30, or 90m, "
              "2h, 1d for so long ago; `driveroot log` shows what there is. "
              "It is one atomic change that can be undone in the same way. The "
              "volume must not be mounted.",
          .min_arguments = 2,
          .max_arguments = 2,
          .flags = WithDriveFlags({"steal", "unsent_dir"}),
          .run = RollBack};
}

}  // namespace driveroot
