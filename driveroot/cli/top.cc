// SPDX-License-Identifier: Apache-2.0
#include <gflags/gflags.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "driveroot/cli/commands.h"
#include "driveroot/cli/status_report.h"
#include "driveroot/cli/top_view.h"
#include "driveroot/control/control_session.h"

DEFINE_uint64(interval_ms, 1000, "time between two looks");
DEFINE_uint64(count, 0, "how many times to show it; 0: until interrupted");

namespace driveroot {
namespace {

constexpr std::chrono::seconds kAnswerLimit(30);

// Of a terminal: to the upper left corner, and everything from there on erased.
constexpr std::string_view kClear = "\x1b[H\x1b[J";

Result<std::string> Look(ControlSession& session) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string answer,
      session.Request("status", kAnswerLimit, [](const std::string&) {}));
  return StatusMember(answer);
}

Status Top(const std::vector<std::string>& arguments) {
  using Clock = std::chrono::steady_clock;
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::ConnectTo(arguments[0]));
  DRIVEROOT_ASSIGN_OR_RETURN(std::string before, Look(session));
  Clock::time_point looked = Clock::now();
  const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  for (uint64_t shown = 0; FLAGS_count == 0 || shown < FLAGS_count; ++shown) {
    std::this_thread::sleep_for(std::chrono::milliseconds(FLAGS_interval_ms));
    DRIVEROOT_ASSIGN_OR_RETURN(std::string now, Look(session));
    const Clock::time_point time = Clock::now();
    DRIVEROOT_ASSIGN_OR_RETURN(
        const std::string text,
        TopText(before, now,
                std::chrono::duration_cast<std::chrono::milliseconds>(time -
                                                                      looked)));
    std::cout << (is_terminal ? kClear : "") << text
              << (is_terminal ? "" : "\n") << std::flush;
    before = std::move(now);
    looked = time;
  }
  return {};
}

}  // namespace

Command TopCommand() {
  return {
      .name = "top",
      .arguments = "DIR",
      .summary = "watch what a mounted volume does",
      .details =
          "Requests, bytes and waits of the last second, until interrupted.",
      .min_arguments = 1,
      .max_arguments = 1,
      .flags = {"interval_ms", "count"},
      .run = Top};
}

}  // namespace driveroot
