// SPDX-License-Identifier: Apache-2.0
//
// Lives beside the daemon that serves a machine's root, in the initramfs, until
// the machine ends.
//
//   root-guard --daemon=PID --device=MAJOR:MINOR --lease=FILE
//              --folder=DIR --console=NODE...
//
// Descriptor 3 is a socket on which init either sends the descriptor of a call
// filter (call_filter.h), when the root's init does not run our shutdown
// helper, or which it closes.
//
// - If the daemon dies while the root is mounted, nothing can be read or
//   written any more, and no init can stop the machine: a message, a
//   count-down, and a restart.
// - Held calls: signals do not reach the daemon, and the machine ends when
//   everything is stored and the volume is closed.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <format>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/console/console.h"
#include "initrd/dhcp/lease.h"
#include "initrd/guard/call_filter.h"
#include "initrd/guard/link.h"
#include "initrd/mountinfo/mountinfo.h"
#include "initrd/saving/save_volume.h"

namespace driveroot {
namespace {

constexpr int kInitSocket = 3;
constexpr uint64_t kMaxFileBytes = 16 << 20;
constexpr std::chrono::seconds kCountDown(30);

struct Options {
  pid_t daemon = -1;
  std::string device;
  std::string lease_file;
  std::string folder;
  std::vector<std::string> consoles;
};

Options ParseOptions(std::span<char*> arguments) {
  Options options;
  for (const std::string_view argument : arguments) {
    const size_t equals = argument.find('=');
    if (equals == argument.npos) continue;
    const std::string_view name = argument.substr(0, equals);
    const std::string value(argument.substr(equals + 1));
    if (name == "--daemon") {
      std::from_chars(value.data(), value.data() + value.size(),
                      options.daemon);
    } else if (name == "--device") {
      options.device = value;
    } else if (name == "--lease") {
      options.lease_file = value;
    } else if (name == "--folder") {
      options.folder = value;
    } else if (name == "--console") {
      options.consoles.push_back(value);
    }
  }
  return options;
}

// Out of reach of signals, of the memory killer and of paging.
void PrepareToSurvive() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  // What fails leaves us less protected, and there is nobody to tell.
  static_cast<void>(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
  const UniqueFd file(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  static_cast<void>(WriteFully(file.get(), "-1000", "oom_score_adj"));
}

// What init sends over `socket`; invalid when it closes it instead.
UniqueFd ReceiveDescriptor(int socket) {
  char byte = 0;
  iovec data = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do {
    count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  const cmsghdr* header = count > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return UniqueFd();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return UniqueFd(descriptor);
}

bool IsSameFile(const std::string& left, const std::string& right) {
  struct stat a = {};
  struct stat b = {};
  return stat(left.c_str(), &a) == 0 && stat(right.c_str(), &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

CallingProcess LookAt(pid_t thread) {
  const std::string folder = std::format("/proc/{}", thread);
  const Result<std::string> status =
      ReadFile(folder + "/status", kMaxFileBytes);
  CallingProcess caller = ParseProcessStatus(status.value_or(""));
  caller.in_our_namespaces =
      IsSameFile(folder + "/ns/pid", "/proc/self/ns/pid") &&
      IsSameFile(folder + "/ns/user", "/proc/self/ns/user");
  return caller;
}

class Guard {
 public:
  explicit Guard(Options options) : options_(std::move(options)) {
    const Result<std::string> text =
        ReadFile(options_.lease_file, kMaxFileBytes);
    Result<Lease> lease =
        text ? ParseLease(*text) : std::unexpected(text.error());
    if (lease) link_.emplace(*std::move(lease));
  }

  int Run();

 private:
  // When it is needed: a login program has hung up whatever was open before.
  Console OpenConsole() const { return {options_.consoles, "/kmsg"}; }
  bool RootIsMounted() const;
  [[noreturn]] void RestartAfterCountDown();
  void TakeCall(int listener);
  void SignalAll(const seccomp_data& call, const CallingProcess& caller) const;
  void SaveBeforeEnd();

  const Options options_;
  std::optional<Link> link_;
  bool saved_ = false;
};

bool Guard::RootIsMounted() const {
  const Result<std::string> text =
      ReadFile("/proc/self/mountinfo", kMaxFileBytes);
  if (!text) return false;
  for (const MountEntry& mount : ParseMountinfo(*text)) {
    if (mount.device == options_.device) return true;
  }
  return false;
}

void Guard::RestartAfterCountDown() {
  Console console = OpenConsole();
  console.Print(
      "the program that serves the root file system has ended: nothing can be "
      "read or written any more. What was written in the last seconds is "
      "lost; everything that was synced is in the volume.");
  console.Print(
      std::format("the machine restarts in {} s", kCountDown.count()));
  // What other file systems the machine has. Ours may let it wait forever.
  std::thread([] { sync(); }).detach();
  for (std::chrono::seconds left = kCountDown; left.count() > 0; --left) {
    console.Overlay(std::format("restart in {} s", left.count()));
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  console.Print("restart now");
  reboot(RB_AUTOBOOT);
  console.Print("the machine does not restart by itself: switch it off");
  while (true) pause();
}

// As kill(2) does it, but for whoever lives in the initramfs as we do.
void Guard::SignalAll(const seccomp_data& call,
                      const CallingProcess& caller) const {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto [end, failure] =
        std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure != std::errc() || end != name.data() + name.size() ||
        pid == 1 || pid == caller.process ||
        IsSameFile(entry->path() / "root", "/")) {
      continue;
    }
    // Without the capability the caller reaches processes of its own user only.
    if (!caller.may_kill) {
      const Result<std::string> status =
          ReadFile(entry->path() / "status", kMaxFileBytes);
      if (!status || !ParseProcessStatus(*status).is_root) continue;
    }
    kill(pid, static_cast<int>(call.args[1]));
  }
}

void Guard::SaveBeforeEnd() {
  if (saved_ || !RootIsMounted()) return;
  saved_ = true;
  Console console = OpenConsole();
  if (link_) {
    const Status restored = link_->Restore();
    if (!restored) console.Print(restored.error().message());
  }
  const Status saved =
      SaveVolume(console, {.device = options_.device,
                           .command = "close",
                           .mount_point = "/proc/1/root",
                           .limits = ReadLimits(options_.folder)});
  if (saved) {
    console.Print("everything is saved in the volume");
    return;
  }
  console.Print("NOT everything is saved: " + saved.error().message());
  console.Print(
      "The volume is as it was when the store last took something; later "
      "changes are lost.");
}

void Guard::TakeCall(int listener) {
  seccomp_notif call = {};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
  const CallingProcess caller = LookAt(static_cast<pid_t>(call.pid));
  seccomp_notif_resp response = {};
  response.id = call.id;
  switch (Decide(call.data, caller)) {
    case HeldCall::kPass:
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
    case HeldCall::kRefuse:
      response.error = -EPERM;
      break;
    case HeldCall::kSignalAll:
      SignalAll(call.data, caller);
      break;
    case HeldCall::kEnd:
      SaveBeforeEnd();
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
  }
  // Fails if the caller is gone.
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int Guard::Run() {
  const UniqueFd daemon(
      static_cast<int>(syscall(SYS_pidfd_open, options_.daemon, 0)));
  UniqueFd init(kInitSocket);
  UniqueFd listener;
  while (true) {
    std::array<pollfd, 3> events = {{
        {.fd = daemon.get(), .events = POLLIN, .revents = 0},
        {.fd = init.get(), .events = POLLIN, .revents = 0},
        {.fd = listener.get(), .events = POLLIN, .revents = 0},
    }};
    if (poll(events.data(), events.size(), -1) < 0) continue;
    if (events[0].revents != 0) {
      // The end of a volume that was unmounted is in order.
      if (!RootIsMounted()) return 0;
      RestartAfterCountDown();
    }
    if (events[1].revents != 0) {
      listener = ReceiveDescriptor(init.get());
      init.Reset();
    }
    if ((events[2].revents & POLLIN) != 0) TakeCall(listener.get());
    // Nobody is under the filter any more.
    if ((events[2].revents & POLLHUP) != 0) listener.Reset();
  }
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  driveroot::Options options = driveroot::ParseOptions(
      std::span(argv, static_cast<size_t>(argc)).subspan(1));
  if (options.daemon <= 0 || options.device.empty()) {
    std::fprintf(stderr, "root-guard: started by init only\n");
    return 1;
  }
  driveroot::PrepareToSurvive();
  return driveroot::Guard(std::move(options)).Run();
}
