// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "driveroot/cli/commands.h"
#include "driveroot/control/control_session.h"

DEFINE_bool(discard, false,
            "unmount a volume that was taken over by another host although not "
            "all changes were stored; they are lost unless saved before");

namespace driveroot {
namespace {

// The daemon says at least once a minute that it still tries.
constexpr std::chrono::minutes kSilenceLimit(5);

Status Unmount(const std::vector<std::string>& arguments) {
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::ConnectTo(arguments[0]));
  DRIVEROOT_RETURN_IF_ERROR(
      session.Request(FLAGS_discard ? "discard" : "unmount", kSilenceLimit,
                      [last = std::string()](const std::string& text) mutable {
                        // It says the same again and again while it waits for
                        // the network.
                        if (text == last) return;
                        last = text;
                        std::cerr << text << std::endl;
                      }));
  return {};
}

}  // namespace

Command UnmountCommand() {
  return {.name = "unmount",
          .arguments = "DIR",
          .summary = "unmount; ends when everything is durable",
          .details = "",
          .min_arguments = 1,
          .max_arguments = 1,
          .flags = {"discard"},
          .run = Unmount};
}

}  // namespace driveroot
