// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/requester.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace driveroot {
namespace {

TEST(RequesterTest, CallsAreToldByTheirNumbers) {
  const struct {
    std::string description;
    std::optional<long> number;
  } cases[] = {
      {"92 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffc 0x7f01\n", 92},
      // x32 has the same ones.
      {"1073741916 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffc 0x7f01\n", 92},
      {"0 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffc 0x7f01\n", 0},
      // Threads of the kernel, and those that are in no call.
      {"0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", std::nullopt},
      {"-1 0x7ffc 0x7f01\n", std::nullopt},
      {"running\n", std::nullopt},
      {"", std::nullopt},
      {"x 0x1\n", std::nullopt},
      {"92", std::nullopt},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(ParseSystemCall(test.description), test.number)
        << test.description;
  }
}

TEST(RequesterTest, CallsOfProgramsOf64And32Bits) {
  for (const long chown : {92, 93, 94, 260, 182, 212}) {
    EXPECT_TRUE(IsChown(chown)) << chown;
    EXPECT_FALSE(MayUseHandles(chown)) << chown;
  }
  for (const long user : {304, 165, 431, 342}) {
    EXPECT_TRUE(MayUseHandles(user)) << user;
    EXPECT_FALSE(IsChown(user)) << user;
  }
  for (const long other : {0, 1, 2, 4, 21, 257, 332}) {
    EXPECT_FALSE(IsChown(other)) << other;
    EXPECT_FALSE(MayUseHandles(other)) << other;
  }
}

TEST(RequesterTest, AThreadThatWaits) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  EXPECT_EQ(SystemCallOf(child), SYS_pause);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(SystemCallOf(child), std::nullopt);
  EXPECT_EQ(SystemCallOf(0), std::nullopt);
}

}  // namespace
}  // namespace driveroot
