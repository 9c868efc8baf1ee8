// SPDX-License-Identifier: Apache-2.0
//
// What a sub-command of `driveroot` is. Each has a file of its own, which
// defines its flags and its Command; main.cc has the list of all.
#ifndef DRIVEROOT_CLI_COMMAND_H_
#define DRIVEROOT_CLI_COMMAND_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

struct Command {
  std::string_view name;
  std::string_view arguments;  // for the synopsis, e.g. "DIR|TAR VOLUME"
  std::string_view summary;    // one line
  std::string_view details;    // more lines, or empty
  // How many arguments it takes.
  size_t min_arguments = 0;
  size_t max_arguments = 0;
  // The flags that mean something to it.
  std::vector<std::string_view> flags;
  // The error is printed as "driveroot NAME: message", and the exit code is 1.
  Status (*run)(const std::vector<std::string>& arguments) = nullptr;
};

// The flags of every command that opens a volume.
inline constexpr std::string_view kDriveFlags[] = {"credentials",
                                                   "drive_endpoint", "ca_file"};

// `own` and kDriveFlags.
std::vector<std::string_view> WithDriveFlags(
    std::vector<std::string_view> own = {});

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_COMMAND_H_
