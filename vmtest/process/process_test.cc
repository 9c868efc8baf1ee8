// SPDX-License-Identifier: Apache-2.0
#include "vmtest/process/process.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace driveroot::vmtest {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

ProcessOptions Shell(const std::string& script) {
  ProcessOptions options;
  options.arguments = {"/bin/sh", "-c", script};
  return options;
}

TEST(ProcessTest, ReturnsTheExitCode) {
  Result<Process> process = Process::Start(Shell("exit 7"));
  ASSERT_TRUE(process);
  EXPECT_EQ(process->Wait(minutes(1)), 7);
  EXPECT_EQ(process->Wait(milliseconds(0)), 7);
}

TEST(ProcessTest, ToldApartFromOneThatStillRuns) {
  Result<Process> process = Process::Start(Shell("exec sleep 1000"));
  ASSERT_TRUE(process);
  EXPECT_EQ(process->Wait(milliseconds(1)), std::nullopt);
  process->Signal(SIGTERM);
  EXPECT_EQ(process->Wait(minutes(1)), 128 + SIGTERM);
}

TEST(ProcessTest, EndsWithItsOwner) {
  pid_t pid = -1;
  {
    Result<Process> process = Process::Start(Shell("exec sleep 1000"));
    ASSERT_TRUE(process);
    pid = process->pid();
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ProcessTest, MissingProgramIsNamed) {
  ProcessOptions options;
  options.arguments = {"/no/such/program"};
  const Result<Process> process = Process::Start(options);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(process.error().message().find("/no/such/program"),
            std::string::npos);
}

TEST(RunToEndTest, ReturnsBothOutputsOrWhyItFailed) {
  ProcessOptions options = Shell("echo out; echo err >&2; echo $WHAT");
  options.environment = std::map<std::string, std::string>{{"WHAT", "value"}};
  EXPECT_EQ(RunToEnd(options).value(), "out\nerr\nvalue\n");
  const Result<std::string> failed = RunToEnd(Shell("echo reason; exit 3"));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("code 3:\nreason"),
            std::string::npos);
}

}  // namespace
}  // namespace driveroot::vmtest
