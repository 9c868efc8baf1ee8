// SPDX-License-Identifier: Apache-2.0
//
// Monitor speaks QEMU's machine protocol (docs/interop/qmp-spec.rst in QEMU's
// source) over two pipes: commands in one, answers and events out of the other.
//
// Not thread-safe.
#ifndef DRIVEROOT_VMTEST_MACHINE_MONITOR_H_
#define DRIVEROOT_VMTEST_MACHINE_MONITOR_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::vmtest {

class Monitor {
 public:
  // Makes the two named pipes `path`.in and `path`.out that QEMU's pipe
  // character device asks for, before QEMU is started.
  static Result<Monitor> Create(const std::string& path);

  // Waits for QEMU's greeting and begins the session.
  Status Connect(std::chrono::seconds limit);

  // Runs a command; `arguments` is a JSON object or empty. kIo: QEMU refused.
  Status Execute(std::string_view command, std::string_view arguments,
                 std::chrono::seconds limit);

  // Why the machine ended, as QEMU names it in its SHUTDOWN event
  // ("guest-shutdown", "guest-reset", …); empty when it did not say. Reads what
  // is there until the other end is closed: call it when QEMU has ended.
  std::string ShutdownReason();

 private:
  Monitor(UniqueFd input, UniqueFd output)
      : input_(std::move(input)), output_(std::move(output)) {}

  // The next line; kUnavailable when none comes in time.
  Result<std::string> ReadLine(std::chrono::steady_clock::time_point limit);
  void NoteEvent(std::string_view line);

  UniqueFd input_;
  UniqueFd output_;
  std::string buffer_;
  std::string shutdown_reason_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_MACHINE_MONITOR_H_
