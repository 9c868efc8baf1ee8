// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/boot_phases.h"

#include <utility>

namespace driveroot::vmtest {
namespace {

using Clock = std::chrono::steady_clock;

// What the prompt of the root tree's shell ends with.
constexpr char kPrompt[] = "# ";

}  // namespace

double TotalSeconds(const std::vector<BootPhase>& phases) {
  double total = 0;
  for (const BootPhase& phase : phases) total += phase.seconds;
  return total;
}

Result<std::vector<BootPhase>> WatchBoot(
    Machine& machine, bool from_disk,
    const std::function<void(const BootPhase&)>& ended) {
  // The sign on the console that ends each phase: init's messages, systemd's
  // first line, agetty's prompt.
  std::vector<std::pair<std::string, std::string>> signs;
  if (from_disk) {
    signs = {{"firmware and kernel", "Welcome to "}};
  } else {
    signs = {{"firmware and kernel", "driveroot: starting"},
             {"network and mount", "driveroot: handing over"}};
  }
  signs.emplace_back("system to login prompt", "login:");
  std::vector<BootPhase> phases;
  Clock::time_point begin = Clock::now();
  for (const auto& [name, sign] : signs) {
    DRIVEROOT_RETURN_IF_ERROR(machine.console().WaitFor(sign, kBootLimit));
    const Clock::time_point now = Clock::now();
    phases.push_back(
        {name, std::chrono::duration<double>(now - begin).count()});
    begin = now;
    if (ended) ended(phases.back());
  }
  return phases;
}

Status LogIn(Machine& machine) {
  DRIVEROOT_RETURN_IF_ERROR(machine.console().Type("root\n"));
  return machine.console().WaitFor(kPrompt, kBootLimit);
}

Status ExpectEnd(Machine& machine, const std::string& reason) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string ended,
                             machine.WaitForEnd(kPowerOffLimit));
  if (ended == reason) return {};
  return Fail(ErrorCode::kInternal,
              "the machine ended by " + ended + " instead of " + reason);
}

}  // namespace driveroot::vmtest
