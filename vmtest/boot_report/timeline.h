// SPDX-License-Identifier: Apache-2.0
//
// What happened during one boot, on one clock: seconds since power-on.
// Plain values and pure functions.
#ifndef DRIVEROOT_VMTEST_BOOT_REPORT_TIMELINE_H_
#define DRIVEROOT_VMTEST_BOOT_REPORT_TIMELINE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::vmtest {

using WallTime = std::chrono::system_clock::time_point;

struct TimelinePhase {
  std::string name;
  double begin = 0;
  double end = 0;
};

struct TimelineLine {
  double at = 0;
  std::string text;  // without colours and other escape sequences
};

struct TimelineRequest {
  double begin = 0;
  double end = 0;
  std::string call = {};  // the class of call: "media", "create", …
  std::string path = {};
  int status = 0;
  uint64_t bytes_up = 0;  // of bodies
  uint64_t bytes_down = 0;
};

struct Timeline {
  std::string title;
  std::vector<TimelinePhase> phases;      // in order, without gaps
  std::vector<TimelineLine> console;      // in order
  std::vector<TimelineRequest> requests;  // by their begin

  // The end of the last phase.
  double Length() const;

  // Seconds before `Length()` in which at least one read of file content was
  // under way: an upper bound of what the boot waited for the Drive.
  double SecondsReading() const;
};

// The requests in fakedrive's log that began between power-on and `length`
// seconds later. kDataLoss: a line is none of its.
Result<std::vector<TimelineRequest>> ParseRequestLog(std::string_view log,
                                                     WallTime power_on,
                                                     double length);

// What a terminal would show of a line: escape sequences (ECMA-48) and control
// characters are left out.
std::string WithoutEscapes(std::string_view line);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_BOOT_REPORT_TIMELINE_H_
