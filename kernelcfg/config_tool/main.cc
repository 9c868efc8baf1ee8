// SPDX-License-Identifier: Apache-2.0
//
// config_tool works on kernel configurations and fragments of them:
//
//   config_tool merge --base=FILE --output=FILE FRAGMENT...
//       writes the base with the fragments' requests laid over it
//   config_tool check --config=FILE FRAGMENT...
//       succeeds if the complete configuration has all that was requested
//   config_tool difference BEFORE AFTER
//       prints the lines of a fragment that makes the one into the other
//
// Exit code: 0, 1 for a finding or an unreadable file, 2 for wrong usage.
#include <gflags/gflags.h>
#include <sys/stat.h>

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "kernelcfg/config_tool/kernel_config.h"

DEFINE_string(base, "", "merge: the configuration that the fragments change.");
DEFINE_string(output, "", "merge: the file to write.");
DEFINE_string(config, "", "check: the complete configuration.");

namespace driveroot::kernelcfg {
namespace {

constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;
constexpr mode_t kOutputMode = 0644;

// A complete configuration has about 150 KB.
constexpr uint64_t kMaxConfigBytes = 16 << 20;

Result<std::vector<Assignment>> ReadConfig(const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(path, kMaxConfigBytes));
  return ParseConfig(text, path);
}

Result<std::vector<Assignment>> ReadFragments(
    const std::vector<std::string>& paths) {
  std::vector<std::vector<Assignment>> fragments;
  for (const std::string& path : paths) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::vector<Assignment> fragment,
                               ReadConfig(path));
    fragments.push_back(std::move(fragment));
  }
  return JoinFragments(fragments);
}

Status RunMerge(const std::vector<std::string>& paths) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> requests,
                             ReadFragments(paths));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> base,
                             ReadConfig(FLAGS_base));
  return ReplaceFile(FLAGS_output, Overlay(base, requests), kOutputMode);
}

Status RunCheck(const std::vector<std::string>& paths) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> requests,
                             ReadFragments(paths));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> config,
                             ReadConfig(FLAGS_config));
  return Check(config, requests);
}

Status RunDifference(const std::vector<std::string>& paths) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> before,
                             ReadConfig(paths[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Assignment> after,
                             ReadConfig(paths[1]));
  std::cout << Difference(before, after);
  return {};
}

int Finish(const Status& status) {
  if (status) return 0;
  std::cerr << "config_tool: " << status.error().message() << "\n";
  return kExitFinding;
}

int Main(std::string_view command, const std::vector<std::string>& paths) {
  if (command == "merge" && !FLAGS_base.empty() && !FLAGS_output.empty()) {
    return Finish(RunMerge(paths));
  }
  if (command == "check" && !FLAGS_config.empty()) {
    return Finish(RunCheck(paths));
  }
  if (command == "difference" && paths.size() == 2) {
    return Finish(RunDifference(paths));
  }
  std::cerr << gflags::ProgramUsage() << "\n";
  return kExitUsage;
}

}  // namespace
}  // namespace driveroot::kernelcfg

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "usage: config_tool merge --base=FILE --output=FILE FRAGMENT...\n"
      "       config_tool check --config=FILE FRAGMENT...\n"
      "       config_tool difference BEFORE AFTER");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string command = arguments.empty() ? "" : arguments.front();
  return driveroot::kernelcfg::Main(
      command,
      {arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()});
}
