// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "driveroot/base/mountinfo.h"
#include "driveroot/cli/commands.h"
#include "driveroot/control/control_session.h"
#include "driveroot/fuse/session.h"

DEFINE_bool(discard, false,
            "unmount a volume that was taken over by another host although not "
            "all changes were stored; they are lost unless saved before");

namespace driveroot {
namespace {

// The daemon says at least once a minute that it still tries.
constexpr std::chrono::minutes kSilenceLimit(5);

constexpr char kVolumeType[] = "fuse.driveroot";

// What is mounted where somebody wants something unmounted.
struct Target {
  std::string path;
  std::string device = {};
  std::vector<std::string> others = {};  // further mounts of the same volume
};

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.starts_with(folder == "/" ? folder : folder + "/");
}

Result<Target> FindTarget(const std::string& argument,
                          const std::vector<MountEntry>& mounts) {
  std::error_code error;
  Target target{.path = std::filesystem::canonical(argument, error)};
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot look at " + argument));
  }
  // The last one there is the one that is seen.
  const MountEntry* mount = nullptr;
  const MountEntry* around = nullptr;
  for (const MountEntry& entry : mounts) {
    if (entry.target == target.path) mount = &entry;
    if (IsBelow(target.path, entry.target) &&
        (around == nullptr || entry.target.size() >= around->target.size())) {
      around = &entry;
    }
  }
  if (mount == nullptr && around != nullptr && around->type == kVolumeType) {
    return Fail(ErrorCode::kInvalidArgument,
                argument + " is no mount point: the volume is mounted at " +
                    around->target);
  }
  if (mount == nullptr || mount->type != kVolumeType) {
    return Fail(ErrorCode::kNotFound,
                "no volume of driveroot is mounted at " + argument);
  }
  target.device = mount->device;
  for (const MountEntry& entry : mounts) {
    if (&entry != mount && entry.device == mount->device) {
      target.others.push_back(entry.target);
    }
  }
  return target;
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

// Unmounts that path and nothing else, with a reason if it is in use.
Status UnmountTarget(const Target& target,
                     const std::vector<MountEntry>& mounts) {
  const Status unmounted = UnmountPath(target.path, /*detach=*/false);
  if (unmounted || unmounted.error().code() != ErrorCode::kBusy) {
    return unmounted;
  }
  std::vector<std::string> below;
  for (const MountEntry& entry : mounts) {
    if (IsBelow(entry.target, target.path)) below.push_back(entry.target);
  }
  return Fail(ErrorCode::kBusy,
              unmounted.error().message() +
                  (below.empty() ? "; programs work in it (`fuser -m` names "
                                   "them)"
                                 : "; mounted below it: " + Join(below)));
}

Status Unmount(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<MountEntry> mounts,
                             ReadMountinfo());
  DRIVEROOT_ASSIGN_OR_RETURN(const Target target,
                             FindTarget(arguments[0], mounts));
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::Connect(target.device));
  const auto show = [last = std::string()](const std::string& text) mutable {
    // It says the same again and again while it waits for the network.
    if (text == last) return;
    last = text;
    std::cerr << text << std::endl;
  };
  if (!FLAGS_discard) {
    DRIVEROOT_RETURN_IF_ERROR(session.Request("finish", kSilenceLimit, show));
  }
  if (!target.others.empty()) {
    DRIVEROOT_RETURN_IF_ERROR(UnmountTarget(target, mounts));
    std::cerr << target.path << " is unmounted; the volume is still mounted at "
              << Join(target.others) << std::endl;
    return {};
  }
  // Asked before the mount is gone: the daemon ends with it.
  ControlRequest ended{.command = "ended"};
  if (FLAGS_discard) ended.arguments.emplace_back("discard");
  DRIVEROOT_RETURN_IF_ERROR(session.Send(ended));
  DRIVEROOT_RETURN_IF_ERROR(UnmountTarget(target, mounts));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string answer,
                             session.Receive(kSilenceLimit, show));
  if (answer.contains("\"in_use\":true")) {
    std::cerr << "everything is saved; another mount namespace still uses the "
                 "volume"
              << std::endl;
  }
  return {};
}

}  // namespace

Command UnmountCommand() {
  return {
      .name = "unmount",
      .arguments = "DIR",
      .summary = "unmount; ends when everything is durable",
      .details =
          "Takes the mount at DIR away and no other one of the volume, such "
          "as a bind mount. The daemon ends with the last.",
      .min_arguments = 1,
      .max_arguments = 1,
      .flags = {"discard"},
      .run = Unmount};
}

}  // namespace driveroot
