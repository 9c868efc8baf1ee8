// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <chrono>
#include <iostream>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/status_report.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/control/control_session.h"
#include "driveroot/volume/volume.h"

DEFINE_bool(json, false, "print one JSON object");

namespace driveroot {
namespace {

// A daemon that does not answer that long never will.
constexpr std::chrono::seconds kAnswerLimit(30);

Result<std::string> MountStatus(const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::ConnectTo(path));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string answer,
      session.Request("status", kAnswerLimit, [](const std::string&) {}));
  return StatusMember(answer);
}

Result<std::string> StoredStatus(const VolumeName& name) {
  DRIVEROOT_ASSIGN_OR_RETURN(OpenedStore opened,
                             OpenStore(name, Patience::kCommand));
  VolumeOptions options;
  options.read_only = true;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Volume::Open(std::move(opened.store), options));
  std::optional<NetCounters> network;
  if (opened.drive != nullptr) network = opened.drive->Counters();
  return StatusJson(name.ToString(), volume->GetStatus(), network);
}

Status PrintStatus(const std::vector<std::string>& arguments) {
  const Result<VolumeName> name = ParseVolumeName(arguments[0]);
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string json,
      name ? StoredStatus(*name) : MountStatus(arguments[0]));
  if (FLAGS_json) {
    std::cout << json << std::endl;
    return {};
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, StatusText(json));
  std::cout << text << std::flush;
  return {};
}

}  // namespace

Command StatusCommand() {
  return {.name = "status",
          .arguments = "DIR|VOLUME",
          .summary = "tell about a mounted volume, or one that is not",
          .details = "",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = WithDriveFlags({"json"}),
          .run = PrintStatus};
}

}  // namespace driveroot
