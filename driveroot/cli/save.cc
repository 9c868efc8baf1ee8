// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "driveroot/cli/commands.h"
#include "driveroot/control/control_session.h"
#include "rapidjson/document.h"

namespace driveroot {
namespace {

// The daemon tells how far it is while it writes.
constexpr std::chrono::minutes kSilenceLimit(5);

Status Save(const std::vector<std::string>& arguments) {
  const std::string& file = arguments[1];
  if (!file.ends_with(".tar")) {
    return Fail(ErrorCode::kInvalidArgument,
                file + " is no name of an archive: it must end in .tar");
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::ConnectTo(arguments[0]));
  // The daemon may have another root than this process, as that of a machine's
  // own root file system has.
  const std::string seen =
      "/proc/" + std::to_string(getpid()) + "/root" + path.string();
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string answer,
      session.Request(
          ControlRequest{.command = "save", .arguments = {seen}}, kSilenceLimit,
          [](const std::string& text) { std::cerr << text << std::endl; }));
  rapidjson::Document document;
  document.Parse(answer.data(), answer.size());
  if (document.IsObject() && document.HasMember("entries") &&
      document["entries"].IsUint64()) {
    std::cout << "saved " << document["entries"].GetUint64()
              << " entries that are not on the store to " << file << std::endl;
  }
  return {};
}

}  // namespace

Command SaveCommand() {
  return {.name = "save",
          .arguments = "DIR FILE.tar",
          .summary = "save what a mounted volume could not store",
          .details =
              "Writes the files and directories that changed and are not "
              "durable, with the directories that lead to them, to an archive "
              "outside the volume: after another host took the volume over, or "
              "while the network is down. What was removed is not in it.",
          .min_arguments = 2,
          .max_arguments = 2,
          .flags = {},
          .run = Save};
}

}  // namespace driveroot
