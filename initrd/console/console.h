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
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot {

class Console {
 public:
  // Opens the kernel's active consoles; /sys and /dev must be mounted.
  Console();

  // Prints "driveroot: TEXT".
  void Print(std::string_view text);

  // Prints `text` with the seconds since StartStep, when it is another text
  // than the last or some seconds have passed since then.
  void Progress(std::string_view text);

  // Starts the clock of Progress anew.
  void StartStep();

  // Waits until Enter is pressed on some console, but no longer than `limit`.
  // What was typed before the call does not count.
  bool WaitForEnter(std::chrono::milliseconds limit);

 private:
  using Clock = std::chrono::steady_clock;

  std::vector<UniqueFd> terminals_;
  UniqueFd kernel_log_;
  Clock::time_point step_start_ = Clock::now();
  Clock::time_point last_progress_;
  std::string last_text_;
};

}  // namespace driveroot

#endif  // INITRD_CONSOLE_CONSOLE_H_
