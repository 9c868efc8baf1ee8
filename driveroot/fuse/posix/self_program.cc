// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/posix/self_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <format>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/posix/operations.h"

namespace driveroot::posix {
namespace {

constexpr std::string_view kTell = "--tell-ids";
constexpr std::string_view kStay = "--stay";

// Starts it with standard output in `out`. What it says is the errno value when
// it can't be executed.
pid_t Start(const std::string& path, std::string_view flag, int out) {
  const pid_t child = fork();
  if (child != 0) return child;
  dup2(out, STDOUT_FILENO);
  std::string name = "self";
  std::string argument(flag);
  char* argv[] = {name.data(), argument.data(), nullptr};
  execv(path.c_str(), argv);
  const std::string answer = Answer(-1);
  (void)!write(STDOUT_FILENO, answer.data(), answer.size());
  _exit(127);
}

std::string ReadAll(int fd) {
  std::string text;
  char bytes[256];
  ssize_t count;
  while ((count = read(fd, bytes, sizeof(bytes))) > 0) {
    text.append(bytes, static_cast<size_t>(count));
  }
  return text;
}

}  // namespace

bool ActedAsSelfProgram(int argc, char** argv) {
  if (argc != 2) return false;
  const bool stay = argv[1] == kStay;
  if (!stay && argv[1] != kTell) return false;
  const std::string ids = std::format("{} {}", geteuid(), getegid());
  (void)!write(STDOUT_FILENO, ids.data(), ids.size());
  close(STDOUT_FILENO);
  // Until it is killed.
  while (stay) pause();
  return true;
}

std::string RunSelfProgram(const std::string& path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Answer(-1);
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = Start(path, kTell, out.get());
  out.Reset();
  const std::string text = ReadAll(in.get());
  waitpid(child, nullptr, 0);
  return text;
}

RunningSelfProgram::RunningSelfProgram(const std::string& path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  child_ = Start(path, kStay, out.get());
  out.Reset();
  // It speaks when it runs.
  running_ = ReadAll(in.get()).find(' ') != std::string::npos;
}

RunningSelfProgram::~RunningSelfProgram() {
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

}  // namespace driveroot::posix
