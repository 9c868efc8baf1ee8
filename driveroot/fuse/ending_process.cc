// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/ending_process.h"

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <format>
#include <string>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

// One page in practice, more with very many groups.
constexpr uint64_t kMaxStatusBytes = 1 << 20;

constexpr uint64_t MaskOf(int signal) { return uint64_t{1} << (signal - 1); }

// signal(7): what these do by default is not to end the process.
constexpr uint64_t kHarmless =
    MaskOf(SIGCHLD) | MaskOf(SIGURG) | MaskOf(SIGWINCH) | MaskOf(SIGCONT) |
    MaskOf(SIGSTOP) | MaskOf(SIGTSTP) | MaskOf(SIGTTIN) | MaskOf(SIGTTOU);

// The set of signals on the line that begins with `key`.
uint64_t SignalsOf(std::string_view status, std::string_view key) {
  const size_t found = status.find(key);
  if (found == status.npos) return 0;
  status.remove_prefix(found + key.size());
  status.remove_prefix(
      std::min(status.find_first_not_of(" \t"), status.size()));
  uint64_t signals = 0;
  std::from_chars(status.data(), status.data() + status.size(), signals, 16);
  return signals;
}

}  // namespace

bool HasFatalSignal(std::string_view status) {
  const uint64_t pending =
      SignalsOf(status, "\nSigPnd:") | SignalsOf(status, "\nShdPnd:");
  // The kernel sends SIGKILL to each thread of a process that is to end.
  if ((pending & MaskOf(SIGKILL)) != 0) return true;
  const uint64_t kept = SignalsOf(status, "\nSigBlk:") |
                        SignalsOf(status, "\nSigIgn:") |
                        SignalsOf(status, "\nSigCgt:");
  return (pending & ~kept & ~kHarmless) != 0;
}

bool IsEnding(pid_t thread) {
  const Result<std::string> status =
      ReadFile(std::format("/proc/{}/status", thread), kMaxStatusBytes);
  return !status || HasFatalSignal(*status);
}

}  // namespace driveroot
