// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/requester.h"

#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <format>
#include <string>
#include <system_error>
#include <thread>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot {
namespace {

constexpr size_t kMaxDescriptionBytes = 512;
constexpr std::string_view kRunning = "running";

// Who just sent a request may not be asleep yet.
constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kPause = std::chrono::microseconds(50);

// Those of x86-64, and those of 32-bit programs, whose numbers /proc gives
// without saying which they are.
constexpr long kChowns[] = {SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat,
                            16,        95,         182,        198,
                            207,       212,        298};
constexpr long kHandleUsers[] = {SYS_open_by_handle_at, 342, SYS_mount,
                                 SYS_fsconfig};
// Set in the numbers of the x32 interface.
constexpr long kX32 = 0x40000000;

}  // namespace

std::optional<long> ParseSystemCall(std::string_view description) {
  while (description.ends_with('\n')) description.remove_suffix(1);
  // A thread of the kernel has no registers: its program counter, which comes
  // last, is 0.
  const size_t last = description.rfind(' ');
  if (last == description.npos || description.substr(last + 1) == "0x0") {
    return std::nullopt;
  }
  long number = -1;
  const char* const begin = description.data();
  const auto [end, error] =
      std::from_chars(begin, begin + description.size(), number);
  if (error != std::errc() || *end != ' ' || number < 0) return std::nullopt;
  return number & ~kX32;
}

std::optional<long> SystemCallOf(pid_t thread) {
  if (thread <= 0) return std::nullopt;
  const std::string path = std::format("/proc/{}/syscall", thread);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const Result<std::string> description =
        ReadFile(path, kMaxDescriptionBytes);
    if (!description) return std::nullopt;
    if (!description->starts_with(kRunning)) {
      return ParseSystemCall(*description);
    }
    if (std::chrono::steady_clock::now() > end) return std::nullopt;
    std::this_thread::sleep_for(kPause);
  }
}

bool IsChown(long system_call) {
  return std::ranges::contains(kChowns, system_call);
}

bool MayUseHandles(long system_call) {
  return std::ranges::contains(kHandleUsers, system_call);
}

}  // namespace driveroot
