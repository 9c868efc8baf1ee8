// SPDX-License-Identifier: Apache-2.0
//
// ProgressBar shows how far a transfer is: on a terminal one line that is
// redrawn, with rate and time left; otherwise a plain line now and then.
// Written to standard error, so that standard output can be data.
//
// Not thread-safe.
#ifndef DRIVEROOT_CLI_PROGRESS_BAR_H_
#define DRIVEROOT_CLI_PROGRESS_BAR_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace driveroot {

// "1.5 MB": three digits or so, powers of 1000 as Drive counts.
std::string FormatBytes(uint64_t bytes);

// "1:02:03", "2:03", "3 s".
std::string FormatDuration(std::chrono::seconds duration);

// What one redraw shows, `width` columns at most. `total` 0: not known.
std::string ProgressLine(std::string_view what, uint64_t done, uint64_t total,
                         std::chrono::milliseconds elapsed, int width);

class ProgressBar {
 public:
  explicit ProgressBar(bool is_terminal);

  // For standard error.
  static ProgressBar ForStandardError();

  // Shows the state, but seldom enough that calls cost nothing. Another `what`
  // starts the clock anew.
  void Update(std::string_view what, uint64_t done, uint64_t total);

  // Takes the line away on a terminal.
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_terminal_;
  bool shown_ = false;
  std::string what_;
  Clock::time_point begin_;
  Clock::time_point next_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_PROGRESS_BAR_H_
