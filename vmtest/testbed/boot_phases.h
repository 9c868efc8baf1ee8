// SPDX-License-Identifier: Apache-2.0
//
// How long each part of a boot takes, as its console shows it.
#ifndef DRIVEROOT_VMTEST_TESTBED_BOOT_PHASES_H_
#define DRIVEROOT_VMTEST_TESTBED_BOOT_PHASES_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/machine/machine.h"

namespace driveroot::vmtest {

// Emulated machines on a busy host are slow; a limit that is reached in earnest
// means a hang.
inline constexpr std::chrono::seconds kBootLimit(600);
inline constexpr std::chrono::seconds kPowerOffLimit(180);

struct BootPhase {
  std::string name;
  double seconds = 0;
};

// The sum of all.
double TotalSeconds(const std::vector<BootPhase>& phases);

// Watches a machine that has just been started until its login prompt, and
// calls `ended` after each phase. A machine that boots from a volume has the
// phases "firmware and kernel", "network and mount", "system to login prompt";
// one that boots from a disk (`from_disk`) has no second one.
//
// Errors are Console::WaitFor's.
Result<std::vector<BootPhase>> WatchBoot(
    Machine& machine, bool from_disk,
    const std::function<void(const BootPhase&)>& ended = nullptr);

// Logs in as root on the console and waits for a prompt.
Status LogIn(Machine& machine);

// Waits for the machine to end, for the reason that is expected.
Status ExpectEnd(Machine& machine, const std::string& reason);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_BOOT_PHASES_H_
