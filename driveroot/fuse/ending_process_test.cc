// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/ending_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <format>
#include <initializer_list>
#include <string>

namespace driveroot {
namespace {

using Signals = std::initializer_list<int>;

uint64_t MaskOf(const Signals& signals) {
  uint64_t mask = 0;
  for (const int signal : signals) mask |= uint64_t{1} << (signal - 1);
  return mask;
}

struct State {
  Signals thread = {};
  Signals process = {};
  Signals blocked = {};
  Signals ignored = {};
  Signals caught = {};
};

bool Ends(const State& state) {
  return HasFatalSignal(std::format(
      "Name:\tdd\nSigQ:\t1/7\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\n"
      "SigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
      MaskOf(state.thread), MaskOf(state.process), MaskOf(state.blocked),
      MaskOf(state.ignored), MaskOf(state.caught)));
}

TEST(EndingProcessTest, NothingIsPending) { EXPECT_FALSE(Ends({})); }

TEST(EndingProcessTest, KillEndsWhateverIsBlocked) {
  EXPECT_TRUE(Ends({.thread = {SIGKILL}, .blocked = {SIGKILL}}));
  EXPECT_TRUE(Ends({.process = {SIGKILL}}));
}

TEST(EndingProcessTest, SignalsWithoutHandlerEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGALRM,
                           SIGSEGV, SIGUSR1, SIGPIPE}) {
    EXPECT_TRUE(Ends({.thread = {signal}})) << signal;
    EXPECT_TRUE(Ends({.process = {signal}})) << signal;
    EXPECT_FALSE(Ends({.process = {signal}, .caught = {signal}})) << signal;
    EXPECT_FALSE(Ends({.process = {signal}, .ignored = {signal}})) << signal;
    EXPECT_FALSE(Ends({.process = {signal}, .blocked = {signal}})) << signal;
  }
}

TEST(EndingProcessTest, SomeSignalsEndNothing) {
  EXPECT_FALSE(Ends({.thread = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGSTOP,
                                SIGTSTP, SIGTTIN, SIGTTOU}}));
}

TEST(EndingProcessTest, OneOfSeveralIsEnough) {
  EXPECT_TRUE(Ends({.process = {SIGALRM, SIGTERM}, .caught = {SIGALRM}}));
}

TEST(EndingProcessTest, KnowsRealProcesses) {
  EXPECT_FALSE(IsEnding(getpid()));
  // No process has this number: pid_max is 2^22 at the most.
  EXPECT_TRUE(IsEnding((1 << 22) + 1));
}

}  // namespace
}  // namespace driveroot
