// SPDX-License-Identifier: Apache-2.0
//
// The little language of *.cases: tables of what a file system must answer.
// README.md of this folder explains it to people who write cases; this turns a
// file into cases that can be run. Pure functions.
#ifndef DRIVEROOT_FUSE_POSIX_SCRIPT_H_
#define DRIVEROOT_FUSE_POSIX_SCRIPT_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::posix {

// Who does a step. The first group is the process's, the others supplementary.
struct Credentials {
  uid_t uid = 0;
  std::vector<gid_t> groups;
};

// How a step must change a time of a file.
struct TimeCheck {
  std::string path;  // "@NAME": what is held open under that name
  std::string field;
  bool must_grow = false;  // otherwise it must stay as it is
};

struct Step {
  size_t line = 0;
  std::string text;  // for messages
  std::optional<Credentials> credentials;
  mode_t umask = 0;
  std::vector<TimeCheck> times;
  std::vector<std::string> words;     // the operation and what it is given
  std::vector<std::string> expected;  // any of these answers is right
};

struct Case {
  std::string name;
  std::vector<Step> steps;
};

// All cases of a file, those with `each` once for every combination of values.
// kInvalidArgument: a mistake in the file; the message names the line.
Result<std::vector<Case>> ParseCases(std::string_view text);

}  // namespace driveroot::posix

#endif  // DRIVEROOT_FUSE_POSIX_SCRIPT_H_
