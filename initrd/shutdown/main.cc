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
#include "initrd/saving/save_volume.h"

namespace driveroot {
namespace {

constexpr std::string_view kVolumeType = "fuse.driveroot";
constexpr char kOldRoot[] = "/oldroot";
constexpr char kMountinfo[] = "/proc/self/mountinfo";
constexpr uint64_t kMaxMountinfoBytes = 16 << 20;

// Where init leaves what the programs at the end need. In the end systemd makes
// that folder the root.
constexpr char kFolder[] = "/run/initramfs";
constexpr char kFolderAtEnd[] = "";

// When it was given up already, whoever decided that is not asked again.
constexpr SaveDialog::Limits kLastAttempt = {
    .silence = std::chrono::seconds(10), .answer = std::chrono::seconds(0)};

// After the unmount everything is uploaded; the daemon only has to end.
constexpr std::chrono::seconds kExitLimit(30);
constexpr int kUnmountRounds = 10;
constexpr std::chrono::milliseconds kUnmountPause(100);

// Says that the commit of the running system was given up.
std::string GaveUpPath(const std::string& folder) {
  return folder + "/gave-up";
}

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

int RunCommit() {
  Console console;
  const Status status = [&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string device, FindVolume("/"));
    return SaveVolume(console, {.device = device,
                                .command = "commit",
                                .mount_point = "/",
                                .limits = ReadLimits(kFolder)});
  }();
  if (status) {
    console.Print("everything written so far is saved in the volume");
    return 0;
  }
  if (status.error().code() == ErrorCode::kCancelled) {
    // Best effort: without it the question is asked a second time.
    static_cast<void>(ReplaceFile(GaveUpPath(kFolder), "", 0600));
  } else {
    console.Print(std::format(
        "not saved: {}. It is tried again before the machine stops.",
        status.error().message()));
  }
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

Status SaveAndUnmount(Console& console) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string device, FindVolume(kOldRoot));
  // Its end tells that the daemon has ended.
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::Connect(device));
  const bool gave_up = access(GaveUpPath(kFolderAtEnd).c_str(), F_OK) == 0;
  const Status saved = SaveVolume(
      console, {.device = device,
                .command = "shutdown",
                .mount_point = kOldRoot,
                .limits = gave_up ? kLastAttempt : ReadLimits(kFolderAtEnd)});
  if (!saved) return saved;
  UnmountOldRoot(console);
  if (!session.WaitForClose(kExitLimit)) {
    console.Print("the daemon has not ended; everything is saved all the same");
  }
  sync();
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
  const Status saved = SaveAndUnmount(console);
  if (saved) {
    console.Print("everything is saved in the volume");
  } else {
    console.Print("NOT everything is saved: " + saved.error().message());
    console.Print(
        "The volume is as it was when the store last took something; later "
        "changes are lost.");
    // No unmount and no sync: both may wait for the store.
  }
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
