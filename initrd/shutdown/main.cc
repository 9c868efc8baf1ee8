// SPDX-License-Identifier: Apache-2.0
//
// The end of a machine whose root is a volume. init installs this program as
// /run/initramfs/shutdown.
//
//   shutdown --commit     asks the daemon to upload what is written; run by a
//                         unit when the system goes down.
//   shutdown VERB         as the first process, after systemd has moved the
//                         root to /oldroot: commits, unmounts, and then
//                         poweroff, reboot, halt or kexec.
#include <fcntl.h>
#include <linux/reboot.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <format>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/control_session.h"
#include "initrd/console/console.h"
#include "initrd/mountinfo/mountinfo.h"

namespace driveroot {
namespace {

constexpr std::string_view kVolumeType = "fuse.driveroot";
constexpr char kOldRoot[] = "/oldroot";
constexpr char kMountinfo[] = "/proc/self/mountinfo";
constexpr uint64_t kMaxMountinfoBytes = 16 << 20;

// The upload goes on as long as it makes progress; a network that is gone must
// not keep a machine from going down for ever.
constexpr std::chrono::minutes kSilenceLimit(5);
// After the unmount everything is uploaded; the daemon only has to end.
constexpr std::chrono::seconds kExitLimit(30);
constexpr int kUnmountRounds = 10;
constexpr std::chrono::milliseconds kUnmountPause(100);

using Reporter = std::function<void(std::string_view)>;

Result<std::vector<MountEntry>> ReadMounts() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(kMountinfo, kMaxMountinfoBytes));
  return ParseMountinfo(text);
}

// The device of the volume that is mounted at `target`.
Result<std::string> FindVolume(std::string_view target) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<MountEntry> mounts,
                             ReadMounts());
  for (const MountEntry& mount : mounts) {
    if (mount.type == kVolumeType && mount.target == target) {
      return mount.device;
    }
  }
  return Fail(ErrorCode::kNotFound,
              std::format("no volume is mounted at {}", target));
}

Status Ask(ControlSession& session, std::string_view command,
           const Reporter& report) {
  report(std::format(
      "saving what was written; this is given up when nothing moves for {} "
      "minutes",
      kSilenceLimit.count()));
  DRIVEROOT_RETURN_IF_ERROR(session.Request(command, kSilenceLimit, report));
  return {};
}

int RunCommit() {
  const Reporter report = [](std::string_view text) {
    std::printf("driveroot: %s\n", std::string(text).c_str());
    std::fflush(stdout);
  };
  const Status status = [&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string device, FindVolume("/"));
    DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                               ControlSession::Connect(device));
    return Ask(session, "commit", report);
  }();
  if (status) {
    report("everything written so far is saved in the volume");
    return 0;
  }
  std::fprintf(stderr,
               "driveroot: not saved: %s. It is tried again before the machine "
               "stops.\n",
               status.error().message().c_str());
  return 1;
}

// Unmounts everything at and below /oldroot, the deepest first. What something
// still uses comes free as processes end, so several rounds; the last one
// detaches, which never fails.
void UnmountOldRoot(Console& console) {
  for (int round = 1; round <= kUnmountRounds; ++round) {
    const Result<std::vector<MountEntry>> mounts = ReadMounts();
    if (!mounts) {
      console.Print(mounts.error().message());
      return;
    }
    const std::vector<std::string> targets = UnmountOrder(*mounts, kOldRoot);
    if (targets.empty()) return;
    const int flags = round == kUnmountRounds ? MNT_DETACH : 0;
    for (const std::string& target : targets) {
      if (umount2(target.c_str(), flags | UMOUNT_NOFOLLOW) < 0 &&
          round == kUnmountRounds) {
        console.Print(
            std::format("cannot unmount {}: {}", target, std::strerror(errno)));
      }
    }
    std::this_thread::sleep_for(kUnmountPause);
  }
}

// Pages that were written through a mapping are only in the kernel's cache; the
// daemon can save what it has been given.
void FlushMappedPages() {
  const UniqueFd root(open(kOldRoot, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.valid()) syncfs(root.get());
}

Status SaveAndUnmount(Console& console) {
  const Reporter report = [&](std::string_view text) {
    console.Progress(text);
  };
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string device, FindVolume(kOldRoot));
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::Connect(device));
  FlushMappedPages();
  const Status saved = Ask(session, "shutdown", report);
  UnmountOldRoot(console);
  if (!saved) return saved;
  if (!session.WaitForClose(kExitLimit)) {
    console.Print("the daemon has not ended; everything is saved all the same");
  }
  return {};
}

void MountProc() {
  mkdir("/proc", 0555);
  // systemd has moved it here already: EBUSY.
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

[[noreturn]] void Stop(std::string_view verb, Console& console) {
  int command = LINUX_REBOOT_CMD_POWER_OFF;
  if (verb == "reboot") command = LINUX_REBOOT_CMD_RESTART;
  if (verb == "halt") command = LINUX_REBOOT_CMD_HALT;
  if (verb == "kexec") {
    reboot(LINUX_REBOOT_CMD_KEXEC);
    console.Print("there is no kernel to start by kexec: restarting instead");
    command = LINUX_REBOOT_CMD_RESTART;
  }
  console.Print(std::format("{} now", verb));
  reboot(command);
  console.Print("the machine does not stop by itself: switch it off");
  while (true) pause();
}

[[noreturn]] void RunShutdown(std::string_view verb) {
  // Ctrl-Alt-Del must not cut the upload off.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  MountProc();
  Console console;
  console.StartStep();
  const Status saved = SaveAndUnmount(console);
  if (saved) {
    console.Print("everything is saved in the volume");
  } else {
    console.Print("NOT everything is saved: " + saved.error().message());
    console.Print(
        "What was written before the last message that said \"saved\" is in "
        "the volume; later changes are lost.");
    UnmountOldRoot(console);
  }
  sync();
  Stop(verb, console);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<size_t>(argc));
  const std::string_view verb = argc > 1 ? arguments[1] : "";
  if (verb == "--commit") return driveroot::RunCommit();
  if (getpid() == 1) driveroot::RunShutdown(verb.empty() ? "poweroff" : verb);
  std::fprintf(stderr,
               "shutdown: give --commit; the verbs poweroff, reboot, halt and "
               "kexec are for the first process only\n");
  return 1;
}
