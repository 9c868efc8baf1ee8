// SPDX-License-Identifier: Apache-2.0
#include "initrd/guard/call_filter.h"

#include <linux/audit.h>
#include <linux/reboot.h>
#include <signal.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <utility>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

constexpr pid_t kDaemon = 57;
constexpr pid_t kOther = 99;
constexpr std::array<pid_t, 2> kGuarded = {kDaemon, 60};

// Runs the program as the kernel would; nothing for what it would refuse.
std::optional<uint32_t> Interpret(const std::vector<sock_filter>& program,
                                  const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t next = 0; next < program.size(); ++next) {
    const sock_filter& step = program[next];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k + 4 > sizeof(data)) return std::nullopt;
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k,
                    4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        next += accumulator == step.k ? step.jt : step.jf;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

seccomp_data Call(uint32_t architecture, int number, int64_t first,
                  int64_t second, int64_t third = 0) {
  seccomp_data data = {};
  data.arch = architecture;
  data.nr = number;
  data.args[0] = static_cast<uint64_t>(first);
  data.args[1] = static_cast<uint64_t>(second);
  data.args[2] = static_cast<uint64_t>(third);
  return data;
}

bool IsHeld(const seccomp_data& data) {
  const std::optional<uint32_t> action =
      Interpret(MakeCallFilter(kGuarded), data);
  EXPECT_TRUE(action == SECCOMP_RET_USER_NOTIF || action == SECCOMP_RET_ALLOW);
  return action == SECCOMP_RET_USER_NOTIF;
}

constexpr std::pair<uint32_t, int> kKills[] = {
    {AUDIT_ARCH_X86_64, 62},
    {AUDIT_ARCH_X86_64, 0x40000000 | 62},
    {AUDIT_ARCH_I386, 37}};
constexpr std::pair<uint32_t, int> kReboots[] = {
    {AUDIT_ARCH_X86_64, 169},
    {AUDIT_ARCH_X86_64, 0x40000000 | 169},
    {AUDIT_ARCH_I386, 88}};

TEST(CallFilterTest, HoldsSignalsToAllAndToUs) {
  for (const auto& [architecture, number] : kKills) {
    for (const int signal : {SIGTERM, SIGKILL, SIGSTOP, SIGHUP}) {
      EXPECT_TRUE(IsHeld(Call(architecture, number, -1, signal)));
      EXPECT_TRUE(IsHeld(Call(architecture, number, 0xffffffff, signal)));
      EXPECT_TRUE(IsHeld(Call(architecture, number, kDaemon, signal)));
      EXPECT_TRUE(IsHeld(Call(architecture, number, 60, signal)));
      EXPECT_FALSE(IsHeld(Call(architecture, number, kOther, signal)));
      EXPECT_FALSE(IsHeld(Call(architecture, number, 1, signal)));
      EXPECT_FALSE(IsHeld(Call(architecture, number, 0, signal)));
      EXPECT_FALSE(IsHeld(Call(architecture, number, -kDaemon, signal)));
    }
  }
}

TEST(CallFilterTest, WhatDoesNoHarmIsNotHeld) {
  for (const auto& [architecture, number] : kKills) {
    for (const int signal : {0, SIGCONT}) {
      EXPECT_FALSE(IsHeld(Call(architecture, number, -1, signal)));
      EXPECT_FALSE(IsHeld(Call(architecture, number, kDaemon, signal)));
    }
  }
  // write(-1, 9, …), and kill's number for the other kind of program.
  EXPECT_FALSE(IsHeld(Call(AUDIT_ARCH_X86_64, 1, -1, SIGKILL)));
  EXPECT_FALSE(IsHeld(Call(AUDIT_ARCH_X86_64, 37, -1, SIGKILL)));
  EXPECT_FALSE(IsHeld(Call(AUDIT_ARCH_I386, 62, -1, SIGKILL)));
  EXPECT_FALSE(IsHeld(Call(AUDIT_ARCH_AARCH64, 62, -1, SIGKILL)));
}

TEST(CallFilterTest, HoldsWhatEndsTheMachine) {
  for (const auto& [architecture, number] : kReboots) {
    for (const uint32_t command : std::initializer_list<uint32_t>{
             LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_RESTART2,
             LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF,
             LINUX_REBOOT_CMD_KEXEC}) {
      EXPECT_TRUE(IsHeld(Call(architecture, number, LINUX_REBOOT_MAGIC1,
                              LINUX_REBOOT_MAGIC2, command)));
    }
    for (const uint32_t command : std::initializer_list<uint32_t>{
             LINUX_REBOOT_CMD_CAD_ON, LINUX_REBOOT_CMD_CAD_OFF,
             LINUX_REBOOT_CMD_SW_SUSPEND}) {
      EXPECT_FALSE(IsHeld(Call(architecture, number, LINUX_REBOOT_MAGIC1,
                               LINUX_REBOOT_MAGIC2, command)));
    }
  }
}

TEST(CallFilterTest, ManyGuardedProcessesFit) {
  std::vector<pid_t> many;
  for (pid_t pid = 100; pid < 150; ++pid) many.push_back(pid);
  const std::vector<sock_filter> program = MakeCallFilter(many);
  EXPECT_EQ(Interpret(program, Call(AUDIT_ARCH_X86_64, 62, 149, SIGKILL)),
            SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(Interpret(program, Call(AUDIT_ARCH_X86_64, 62, 150, SIGKILL)),
            SECCOMP_RET_ALLOW);
  EXPECT_EQ(Interpret(program, Call(AUDIT_ARCH_I386, 37, 149, SIGKILL)),
            SECCOMP_RET_USER_NOTIF);
}

constexpr char kStatus[] =
    "Name:\thalt\nUmask:\t0022\nTgid:\t812\nNgid:\t0\nPid:\t813\n"
    "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n";

TEST(CallingProcessTest, ReadsTheStatus) {
  const CallingProcess root = ParseProcessStatus(kStatus);
  EXPECT_EQ(root.process, 812);
  EXPECT_TRUE(root.is_root && root.may_kill && root.may_reboot);
  const CallingProcess user = ParseProcessStatus(
      "Tgid:\t9\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
  EXPECT_EQ(user.process, 9);
  EXPECT_FALSE(user.is_root || user.may_kill || user.may_reboot);
  const CallingProcess gone = ParseProcessStatus("");
  EXPECT_FALSE(gone.is_root || gone.may_kill || gone.may_reboot);
}

TEST(DecideTest, OnlyWhoeverCouldDoHarmIsHindered) {
  const CallingProcess root = {.process = 812,
                               .in_our_namespaces = true,
                               .is_root = true,
                               .may_kill = true,
                               .may_reboot = true};
  CallingProcess container = root;
  container.in_our_namespaces = false;
  const CallingProcess user = {.process = 9, .in_our_namespaces = true};
  CallingProcess weak_root = user;
  weak_root.is_root = true;

  const seccomp_data all = Call(AUDIT_ARCH_X86_64, 62, -1, SIGKILL);
  const seccomp_data one = Call(AUDIT_ARCH_I386, 37, kDaemon, SIGKILL);
  const seccomp_data end =
      Call(AUDIT_ARCH_X86_64, 169, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
           LINUX_REBOOT_CMD_POWER_OFF);
  EXPECT_EQ(Decide(all, root), HeldCall::kSignalAll);
  EXPECT_EQ(Decide(one, root), HeldCall::kRefuse);
  EXPECT_EQ(Decide(end, root), HeldCall::kEnd);
  // A root without capabilities may signal its own processes, so us.
  EXPECT_EQ(Decide(all, weak_root), HeldCall::kSignalAll);
  EXPECT_EQ(Decide(one, weak_root), HeldCall::kRefuse);
  EXPECT_EQ(Decide(end, weak_root), HeldCall::kPass);
  for (const CallingProcess& harmless : {container, user}) {
    for (const seccomp_data& call : {all, one, end}) {
      EXPECT_EQ(Decide(call, harmless), HeldCall::kPass);
    }
  }
  const seccomp_data nonsense =
      Call(AUDIT_ARCH_X86_64, 169, 1, 2, LINUX_REBOOT_CMD_POWER_OFF);
  EXPECT_EQ(Decide(nonsense, root), HeldCall::kPass);
}

}  // namespace
}  // namespace driveroot
