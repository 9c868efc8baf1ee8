// SPDX-License-Identifier: Apache-2.0
//
// The processes of PID 1: those that it started, whose ends it wants to know,
// and orphans, which it only has to clear away.
//
// Not thread-safe.
#ifndef INITRD_PROCESS_CHILDREN_H_
#define INITRD_PROCESS_CHILDREN_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

struct Command {
  std::string path = {};
  // argv, the first one included: a name that starts with "@" makes systemd
  // spare the process at shutdown.
  std::vector<std::string> arguments = {};
  // Becomes descriptor 3 of the process; -1: none.
  int status_fd = -1;
};

class Children {
 public:
  // Starts a process in a session of its own, with /knull as its input and
  // /kmsg as its output: both are outside of the folders that the new root
  // takes. Everything else must be close-on-exec.
  Result<pid_t> Start(const Command& command);

  // Clears away whatever has ended.
  void Reap();

  // The wait status of a started process, once it has ended. Reaps.
  std::optional<int> TakeExit(pid_t pid);

  // The started processes that have not ended. Reaps.
  std::vector<pid_t> Running();

  // Whether the process has not ended. Reaps.
  bool IsRunning(pid_t pid);

 private:
  // Started processes; empty while they run.
  std::map<pid_t, std::optional<int>> started_;
};

// "ended with code 1", "was killed by signal 11 (Segmentation fault)".
std::string DescribeExit(int wait_status);

}  // namespace driveroot

#endif  // INITRD_PROCESS_CHILDREN_H_
