// SPDX-License-Identifier: Apache-2.0
//
// What a person at the machine sees before there is a system: lines on every
// console that the kernel uses (screen and serial line), and in the kernel's
// log, from where they reach the journal.
//
// Not thread-safe. Printing never fails and never blocks for long: a terminal
// that is stopped must not stop the boot.
#ifndef INITRD_CONSOLE_CONSOLE_H_
#define INITRD_CONSOLE_CONSOLE_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot {

class Console {
 public:
  // Opens the kernel's active consoles; /sys and /dev must be mounted.
  Console();

  // Opens these terminals and this kernel log, for who has no /sys and /dev.
  Console(const std::vector<std::string>& terminals,
          const std::string& kernel_log);

  // The paths of the kernel's active consoles.
  static std::vector<std::string> ActiveTerminals();

  // Prints "driveroot: TEXT".
  void Print(std::string_view text);

  // Prints `text` with the seconds since StartStep, when it is another text
  // than the last or some seconds have passed since then.
  void Progress(std::string_view text);

  // Starts the clock of Progress anew.
  void StartStep();

  // Shows `text` in place of what the last call showed, and not in the log: for
  // what counts down. The next Print replaces it. Empty: takes it away.
  void Overlay(std::string_view text);

  // Waits until Enter is pressed on some console, but no longer than `limit`.
  // What was typed before the call does not count.
  bool WaitForEnter(std::chrono::milliseconds limit);

  // The next line that somebody types on some console, without its end; nothing
  // when none is complete within `limit`. What is typed between two calls
  // counts.
  std::optional<std::string> ReadLine(std::chrono::milliseconds limit);

  // Forgets what was typed so far.
  void ForgetTyped();

 private:
  using Clock = std::chrono::steady_clock;

  struct Terminal {
    UniqueFd fd = {};
    std::string typed = {};  // of a line that is not complete
    bool is_dead = false;    // hung up: it would be readable forever
  };

  void Write(std::string_view text);
  static void ReadTyped(Terminal& terminal);

  std::vector<Terminal> terminals_;
  UniqueFd kernel_log_;
  Clock::time_point step_start_ = Clock::now();
  Clock::time_point last_progress_;
  std::string last_text_;
  std::string overlay_;
};

}  // namespace driveroot

#endif  // INITRD_CONSOLE_CONSOLE_H_
