// SPDX-License-Identifier: Apache-2.0
//
// The first process: from the kernel's hand-over to the init of the system in
// the volume. It must never end, or the kernel panics: whatever fails is
// printed with its remedy, and then it waits.
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/console/console.h"
#include "initrd/init/credentials.h"
#include "initrd/init/daemon.h"
#include "initrd/init/firmware_credentials.h"
#include "initrd/init/guard_start.h"
#include "initrd/init/handover.h"
#include "initrd/init/network.h"
#include "initrd/init/root_init.h"
#include "initrd/init/runtime_files.h"
#include "initrd/init/settings.h"
#include "initrd/init/system.h"
#include "initrd/process/children.h"

namespace driveroot {
namespace {

constexpr std::chrono::seconds kRetryPause(60);
constexpr std::chrono::seconds kReapInterval(1);

// For what only another configuration or another image can mend.
[[noreturn]] void StayAndExplain(const Error& error, Console& console,
                                 Children& children) {
  console.Print("cannot boot: " + error.message());
  console.Print(
      "Mend that, then press Enter or Ctrl-Alt-Del here: the machine starts "
      "anew.");
  while (!console.WaitForEnter(kReapInterval)) children.Reap();
  sync();
  reboot(RB_AUTOBOOT);
  while (true) pause();
}

Result<Settings> LoadSettings() {
  DRIVEROOT_ASSIGN_OR_RETURN(const Credentials credentials, ReadCredentials());
  DRIVEROOT_ASSIGN_OR_RETURN(Settings settings, ParseSettings(credentials));
  DRIVEROOT_RETURN_IF_ERROR(WriteDaemonFiles(settings));
  return settings;
}

// Returns whether the clock is known to be wrong.
bool RaiseClockOrWarn(Console& console) {
  const Result<bool> raised = RaiseClock();
  if (!raised) {
    console.Print("warning: " + raised.error().message());
  } else if (*raised) {
    console.Print(
        "the machine's clock is before the build of this image and was set to "
        "its day; a new battery on the mainboard may be due");
  }
  return raised.value_or(false);
}

Settings WithSteal(Settings settings) {
  settings.options.emplace_back("--steal");
  return settings;
}

// Returns whether a person wants the volume to be taken over.
bool WaitBeforeRetry(const Error& error, Console& console, Children& children) {
  const bool is_busy = error.code() == ErrorCode::kBusy;
  if (is_busy) {
    console.Print(
        "If nothing else uses the volume, or is to lose it: type t and Enter, "
        "and this machine takes it over. The other one can write no more "
        "then.");
  }
  console.Print(
      "The next attempt comes in 60 s, or when you press Enter; Ctrl-Alt-Del "
      "restarts the machine.");
  console.ForgetTyped();
  const std::optional<std::string> typed = console.ReadLine(kRetryPause);
  children.Reap();
  return is_busy && typed == "t";
}

struct BootableRoot {
  pid_t daemon = -1;
  RootInit init = {};
};

// Waits until the volume is mounted and has an init; starts further daemons
// until both are there, since servers and networks come back.
BootableRoot MountUntilBootable(Result<MountingDaemon> daemon,
                                const Settings& settings,
                                const Connection& connection, Console& console,
                                Children& children) {
  while (true) {
    const Result<pid_t> mounted = daemon ? daemon->AwaitMount(console, children)
                                         : std::unexpected(daemon.error());
    Result<RootInit> init =
        mounted ? FindInit() : std::unexpected(mounted.error());
    if (init) return {.daemon = *mounted, .init = *std::move(init)};
    console.Print("cannot mount " + settings.volume + ": " +
                  init.error().message());
    if (mounted) UnmountNewRoot(*mounted, console, children);
    // A certificate that is not valid at this time is refused as any other.
    const bool is_mended =
        MendClockOver(connection, settings, console, children);
    const bool steals =
        !is_mended && WaitBeforeRetry(init.error(), console, children);
    daemon = MountingDaemon::Start(steals ? WithSteal(settings) : settings,
                                   children);
    if (daemon) daemon->NetworkIsUp();
  }
}

[[noreturn]] void Boot(std::span<char*> arguments) {
  const Status mounted = MountKernelFileSystems();
  Console console;
  Children children;
  if (!mounted) StayAndExplain(mounted.error(), console, children);
  console.Print("starting");
  const bool doubts_clock = RaiseClockOrWarn(console);
  PrepareNetworkStack();
  const Result<Settings> settings = LoadSettings();
  if (!settings) StayAndExplain(settings.error(), console, children);
  Result<MountingDaemon> daemon = MountingDaemon::Start(*settings, children);
  const Connection connection =
      WaitForConnection(*settings, doubts_clock, console, children);
  // The root's own /etc/hostname wins later.
  const std::string hostname =
      settings->hostname.empty()
          ? DefaultHostname(ReadMachineUuid(), connection.mac_address)
          : settings->hostname;
  if (sethostname(hostname.c_str(), hostname.size()) < 0) {
    console.Print("warning: cannot set the host name " + hostname);
  }
  const Status resolver =
      ReplaceFile("/etc/resolv.conf", ResolverSettings(connection.lease), 0644);
  if (!resolver) console.Print("warning: " + resolver.error().message());
  if (daemon) daemon->NetworkIsUp();
  // While the daemon waits for the Drive.
  PrepareRuntime(connection, *settings, console);
  const BootableRoot root = MountUntilBootable(std::move(daemon), *settings,
                                               connection, console, children);
  Result<UniqueFd> guard =
      StartGuard(root.daemon, connection.lease.interface, children);
  if (!guard) console.Print("warning: " + guard.error().message());
  const UniqueFd guard_socket = guard ? *std::move(guard) : UniqueFd();
  FitRuntimeToRoot(connection, root.init, children, console);
  const Status covered = CoverToken("/sys", "/run/driveroot/firmware");
  if (!covered) console.Print("warning: " + covered.error().message());
  console.Print("handing over to " + root.init.path);
  const Error error =
      EnterNewRoot(root.init, arguments, guard_socket, children, console);
  StayAndExplain(error, console, children);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  if (getpid() != 1) {
    std::fprintf(stderr,
                 "init: this is the first process of a driveroot image and "
                 "does nothing elsewhere\n");
    return 1;
  }
  umask(022);
  driveroot::Boot(std::span(argv, static_cast<size_t>(argc)).subspan(1));
}
