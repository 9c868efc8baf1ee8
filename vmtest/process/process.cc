// SPDX-License-Identifier: Apache-2.0
#include "vmtest/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace driveroot::vmtest {
namespace {

// How much of a failed program's output its error message shows.
constexpr size_t kShownOutputBytes = 2000;

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void ExecuteInChild(const ProcessOptions& options,
                                 char* const* arguments, char* const* variables,
                                 int error_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (options.own_group) setpgid(0, 0);
  // Never two of these are the same number as another's target but in the
  // order of the numbers themselves.
  if (options.standard_input >= 0) dup2(options.standard_input, 0);
  if (options.standard_output >= 0) dup2(options.standard_output, 1);
  if (options.standard_error >= 0) dup2(options.standard_error, 2);
  if (variables != nullptr) {
    execve(arguments[0], arguments, variables);
  } else {
    execv(arguments[0], arguments);
  }
  const int error = errno;
  (void)!write(error_fd, &error, sizeof(error));
  _exit(127);
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<Process> Process::Start(const ProcessOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> variables;
  if (options.environment) {
    for (const auto& [name, value] : *options.environment) {
      variables.push_back(name + "=" + value);
    }
  }
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> variable_pointers = Pointers(variables);

  // Closed by a successful exec; carries errno of one that failed.
  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  }
  const UniqueFd error_in(error_pipe[0]);
  UniqueFd error_out(error_pipe[1]);
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(Error::FromErrno(errno, "cannot fork"));
  if (pid == 0) {
    ExecuteInChild(options, argument_pointers.data(),
                   options.environment ? variable_pointers.data() : nullptr,
                   error_out.get());
  }
  error_out.Reset();
  Process process(pid);
  int error = 0;
  if (read(error_in.get(), &error, sizeof(error)) == sizeof(error)) {
    return std::unexpected(
        Error::FromErrno(error, "cannot start " + options.arguments[0]));
  }
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    exit_code_ = other.exit_code_;
  }
  return *this;
}

Process::~Process() { Kill(); }

std::optional<int> Process::Wait(std::chrono::milliseconds limit) {
  if (pid_ < 0 || exit_code_) return exit_code_;
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  pollfd poll_entry = {.fd = handle.get(), .events = POLLIN, .revents = 0};
  const int ready = poll(&poll_entry, 1, static_cast<int>(limit.count()));
  int status = 0;
  // Without a pidfd (Linux before 5.3) there is nothing to wait on but time.
  const int flags = handle.valid() && ready > 0 ? 0 : WNOHANG;
  if (waitpid(pid_, &status, flags) == pid_) exit_code_ = ExitCode(status);
  return exit_code_;
}

void Process::Signal(int signal_number) {
  if (pid_ > 0 && !exit_code_) kill(pid_, signal_number);
}

void Process::Kill() {
  if (pid_ < 0 || exit_code_) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = ExitCode(status);
}

Result<std::string> RunToEnd(const ProcessOptions& options) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  }
  const UniqueFd in(pipe_ends[0]);
  UniqueFd out(pipe_ends[1]);
  ProcessOptions with_pipe = options;
  with_pipe.standard_output = out.get();
  with_pipe.standard_error = out.get();
  DRIVEROOT_ASSIGN_OR_RETURN(Process process, Process::Start(with_pipe));
  out.Reset();
  std::string output;
  char chunk[4096];
  ssize_t count;
  while ((count = read(in.get(), chunk, sizeof(chunk))) > 0) {
    output.append(chunk, static_cast<size_t>(count));
  }
  const std::optional<int> code = process.Wait(std::chrono::hours(1));
  if (code == 0) return output;
  const size_t shown = std::min(output.size(), kShownOutputBytes);
  return Fail(ErrorCode::kIo, options.arguments[0] + " ended with code " +
                                  std::to_string(code.value_or(-1)) + ":\n" +
                                  output.substr(output.size() - shown));
}

}  // namespace driveroot::vmtest
