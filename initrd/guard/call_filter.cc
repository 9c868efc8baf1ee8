// SPDX-License-Identifier: Apache-2.0
#include "initrd/guard/call_filter.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/reboot.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

namespace driveroot {
namespace {

// The numbers of the system calls for each kind of program.
struct CallNumbers {
  uint32_t architecture;
  uint32_t kill;
  uint32_t reboot;
};
constexpr CallNumbers k64Bit = {AUDIT_ARCH_X86_64, 62, 169};
constexpr CallNumbers k32Bit = {AUDIT_ARCH_I386, 37, 88};
// Marks a call of the x32 interface, which has the numbers of the 64-bit one.
constexpr uint32_t kX32Bit = 0x40000000;

// What ends the machine; switching Ctrl-Alt-Del on and off does not.
constexpr std::array<uint32_t, 5> kEnds = {
    LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_RESTART2,
    LINUX_REBOOT_CMD_HALT,    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_KEXEC,
};

// The low half of an argument; the processor is little-endian.
constexpr uint32_t ArgumentOffset(int index) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args) +
                               static_cast<size_t>(index) * sizeof(uint64_t));
}

sock_filter Load(uint32_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

sock_filter Return(uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

// Goes on behind the next `skipped` instructions unless equal.
sock_filter UnlessEqualSkip(uint32_t value, uint8_t skipped) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped);
}

using Program = std::vector<sock_filter>;

void Append(Program& program, const Program& part) {
  program.insert(program.end(), part.begin(), part.end());
}

// The number of the call is loaded: runs `part`, which returns, for this one.
void AppendForCall(Program& program, uint32_t number, const Program& part) {
  program.push_back(UnlessEqualSkip(number, static_cast<uint8_t>(part.size())));
  Append(program, part);
}

// Holds a call whose argument that is loaded is one of `values`.
void AppendHoldIf(Program& program, std::span<const uint32_t> values) {
  for (const uint32_t value : values) {
    program.push_back(UnlessEqualSkip(value, 1));
    program.push_back(Return(SECCOMP_RET_USER_NOTIF));
  }
}

Program KillPart(std::span<const pid_t> guarded) {
  std::vector<uint32_t> targets = {static_cast<uint32_t>(-1)};
  for (const pid_t pid : guarded) targets.push_back(static_cast<uint32_t>(pid));
  Program part = {Load(ArgumentOffset(1))};
  for (const uint32_t harmless : {0, SIGCONT}) {
    part.push_back(UnlessEqualSkip(harmless, 1));
    part.push_back(Return(SECCOMP_RET_ALLOW));
  }
  part.push_back(Load(ArgumentOffset(0)));
  AppendHoldIf(part, targets);
  part.push_back(Return(SECCOMP_RET_ALLOW));
  return part;
}

Program RebootPart() {
  Program part = {Load(ArgumentOffset(2))};
  AppendHoldIf(part, kEnds);
  part.push_back(Return(SECCOMP_RET_ALLOW));
  return part;
}

Program ArchitecturePart(const CallNumbers& numbers,
                         std::span<const pid_t> guarded) {
  Program part = {Load(offsetof(seccomp_data, nr)),
                  BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kX32Bit)};
  AppendForCall(part, numbers.kill, KillPart(guarded));
  AppendForCall(part, numbers.reboot, RebootPart());
  part.push_back(Return(SECCOMP_RET_ALLOW));
  return part;
}

bool IsReboot(const seccomp_data& call) {
  const CallNumbers& numbers =
      call.arch == k32Bit.architecture ? k32Bit : k64Bit;
  return (static_cast<uint32_t>(call.nr) & ~kX32Bit) == numbers.reboot;
}

// The text behind "NAME:" and blanks in a line of its own.
std::string_view Field(std::string_view status, std::string_view name) {
  while (!status.empty()) {
    const size_t end = status.find('\n');
    std::string_view line = status.substr(0, end);
    status.remove_prefix(end == status.npos ? status.size() : end + 1);
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) {
      continue;
    }
    line.remove_prefix(name.size() + 1);
    const size_t begin = line.find_first_not_of(" \t");
    return begin == line.npos ? std::string_view() : line.substr(begin);
  }
  return {};
}

uint64_t Number(std::string_view text, int base) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

// "Uid:" has the real, effective, saved and file system user.
bool HasUserZero(std::string_view ids) {
  while (!ids.empty()) {
    const size_t end = ids.find_first_of(" \t");
    if (ids.substr(0, end) == "0") return true;
    ids.remove_prefix(end == ids.npos ? ids.size() : end + 1);
  }
  return false;
}

}  // namespace

std::vector<sock_filter> MakeCallFilter(std::span<const pid_t> guarded) {
  Program program = {Load(offsetof(seccomp_data, arch))};
  for (const CallNumbers& numbers : {k64Bit, k32Bit}) {
    AppendForCall(program, numbers.architecture,
                  ArchitecturePart(numbers, guarded));
  }
  program.push_back(Return(SECCOMP_RET_ALLOW));
  return program;
}

Result<UniqueFd> InstallCallFilter(std::span<const pid_t> guarded) {
  Program filter = MakeCallFilter(guarded);
  const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()),
                              .filter = filter.data()};
  const auto install = [&](unsigned flags) {
    return UniqueFd(static_cast<int>(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program)));
  };
  // A call that the guard has begun to deal with is not interrupted by signals
  // that its process survives; kernels before 5.19 do not know that.
  UniqueFd listener = install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (!listener.valid() && errno == EINVAL) listener = install(0);
  if (!listener.valid()) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot watch over the end of the machine"));
  }
  return listener;
}

CallingProcess ParseProcessStatus(std::string_view status) {
  const uint64_t capabilities = Number(Field(status, "CapEff"), 16);
  return {.process = static_cast<pid_t>(Number(Field(status, "Tgid"), 10)),
          .is_root = HasUserZero(Field(status, "Uid")),
          .may_kill = (capabilities & (uint64_t{1} << CAP_KILL)) != 0,
          .may_reboot = (capabilities & (uint64_t{1} << CAP_SYS_BOOT)) != 0};
}

HeldCall Decide(const seccomp_data& call, const CallingProcess& caller) {
  // A container's processes have numbers of their own, and its reboot is not
  // the machine's.
  if (!caller.in_our_namespaces) return HeldCall::kPass;
  if (IsReboot(call)) {
    const auto magic1 = static_cast<uint32_t>(call.args[0]);
    return caller.may_reboot && magic1 == LINUX_REBOOT_MAGIC1 ? HeldCall::kEnd
                                                              : HeldCall::kPass;
  }
  // Whoever could not signal us does no harm.
  if (!caller.is_root && !caller.may_kill) return HeldCall::kPass;
  return static_cast<int32_t>(call.args[0]) == -1 ? HeldCall::kSignalAll
                                                  : HeldCall::kRefuse;
}

}  // namespace driveroot
