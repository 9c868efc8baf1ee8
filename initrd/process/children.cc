// SPDX-License-Identifier: Apache-2.0
#include "initrd/process/children.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <format>

namespace driveroot {
namespace {

constexpr int kStatusFd = 3;
// What shells use for a command that is not there.
constexpr int kExitCannotExecute = 127;

std::vector<char*> PointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: no allocation.
[[noreturn]] void BecomeCommand(const char* path, char* const* arguments,
                                char* const* environment, int status_fd) {
  setsid();
  const int null_fd = open("/knull", O_RDONLY | O_NOCTTY);
  const int log_fd = open("/kmsg", O_WRONLY | O_NOCTTY);
  if (null_fd >= 0) dup2(null_fd, STDIN_FILENO);
  if (log_fd >= 0) {
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
  }
  // dup2 onto itself would leave close-on-exec set.
  if (status_fd == kStatusFd) {
    fcntl(kStatusFd, F_SETFD, 0);
  } else if (status_fd >= 0) {
    dup2(status_fd, kStatusFd);
  }
  const unsigned int first_unused = status_fd >= 0 ? kStatusFd + 1 : kStatusFd;
  close_range(first_unused, ~0U, 0);
  execve(path, arguments, environment);
  _exit(kExitCannotExecute);
}

}  // namespace

Result<pid_t> Children::Start(const Command& command) {
  const std::vector<std::string> environment = {"PATH=/bin", "HOME=/",
                                                "LC_ALL=C", "TZ=UTC"};
  const std::vector<char*> argument_pointers = PointersTo(command.arguments);
  const std::vector<char*> environment_pointers = PointersTo(environment);
  const pid_t pid = fork();
  if (pid < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot start " + command.path));
  }
  if (pid == 0) {
    BecomeCommand(command.path.c_str(), argument_pointers.data(),
                  environment_pointers.data(), command.status_fd);
  }
  started_[pid] = std::nullopt;
  return pid;
}

void Children::Reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    const auto child = started_.find(pid);
    if (child != started_.end()) child->second = status;
  }
}

std::optional<int> Children::TakeExit(pid_t pid) {
  Reap();
  const auto child = started_.find(pid);
  if (child == started_.end() || !child->second) return std::nullopt;
  const int status = *child->second;
  started_.erase(child);
  return status;
}

std::vector<pid_t> Children::Running() {
  Reap();
  std::vector<pid_t> running;
  for (const auto& [pid, status] : started_) {
    if (!status) running.push_back(pid);
  }
  return running;
}

bool Children::IsRunning(pid_t pid) {
  Reap();
  const auto child = started_.find(pid);
  return child != started_.end() && !child->second;
}

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return std::format("was killed by signal {} ({})", WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
  }
  const int code = WEXITSTATUS(wait_status);
  if (code == kExitCannotExecute) return "could not be started";
  return std::format("ended with code {}", code);
}

}  // namespace driveroot
