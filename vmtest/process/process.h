// SPDX-License-Identifier: Apache-2.0
//
// Process: one program started by a test or by the demo. It ends with its
// owner: at destruction, and by the kernel if the owner is killed.
//
// Not thread-safe, but Kill() may be called while another thread waits.
#ifndef DRIVEROOT_VMTEST_PROCESS_PROCESS_H_
#define DRIVEROOT_VMTEST_PROCESS_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::vmtest {

struct ProcessOptions {
  std::vector<std::string> arguments;  // The program's path first.

  // The whole environment; the caller's own when not set.
  std::optional<std::map<std::string, std::string>> environment;

  // Descriptors to be the program's standard ones; -1: the caller's.
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;

  // A group of its own, so that Ctrl-C in the terminal does not reach it.
  bool own_group = false;
};

class Process {
 public:
  static Result<Process> Start(const ProcessOptions& options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // Kills it if it still runs.

  pid_t pid() const { return pid_; }

  // The exit code, or 128 + the number of the signal that ended it; nothing if
  // it still runs after `limit`.
  std::optional<int> Wait(std::chrono::milliseconds limit);

  void Signal(int signal_number);

  // SIGKILL, and gone when this returns.
  void Kill();

 private:
  explicit Process(pid_t pid) : pid_(pid) {}

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// Runs a program to its end and returns what it wrote to both outputs.
// kIo: it ended with a code other than 0; the message holds its last lines.
Result<std::string> RunToEnd(const ProcessOptions& options);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_PROCESS_PROCESS_H_
