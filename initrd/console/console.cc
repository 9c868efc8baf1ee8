// SPDX-License-Identifier: Apache-2.0
#include "initrd/console/console.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <format>
#include <sstream>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxListBytes = 4096;
constexpr std::chrono::seconds kProgressInterval(10);
constexpr int kWriteTimeoutMs = 1000;

UniqueFd OpenTerminal(const std::string& path) {
  return UniqueFd(
      open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

void WriteToTerminal(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;
    pollfd writable = {.fd = fd, .events = POLLOUT, .revents = 0};
    if (poll(&writable, 1, kWriteTimeoutMs) <= 0) return;
  }
}

bool ReadEnter(int fd) {
  std::array<char, 256> typed;
  const ssize_t count = read(fd, typed.data(), typed.size());
  if (count <= 0) return false;
  const std::string_view text(typed.data(), static_cast<size_t>(count));
  return text.find_first_of("\r\n") != text.npos;
}

}  // namespace

Console::Console() {
  const Result<std::string> active =
      ReadFile("/sys/class/tty/console/active", kMaxListBytes);
  std::istringstream names(active.value_or(""));
  for (std::string name; names >> name;) {
    UniqueFd terminal = OpenTerminal("/dev/" + name);
    if (terminal.valid()) terminals_.push_back(std::move(terminal));
  }
  if (terminals_.empty()) {
    UniqueFd terminal = OpenTerminal("/dev/console");
    if (terminal.valid()) terminals_.push_back(std::move(terminal));
  }
  kernel_log_ = UniqueFd(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
}

void Console::Print(std::string_view text) {
  const std::string line = std::format("driveroot: {}\n", text);
  for (const UniqueFd& terminal : terminals_) {
    WriteToTerminal(terminal.get(), line);
  }
  if (!kernel_log_.valid()) return;
  // Informational (6), so that the kernel does not print it a second time, and
  // of the facility "daemon" (3), which tells it from the output of processes.
  // A record that the kernel refuses is on the terminals anyway.
  static_cast<void>(WriteFully(kernel_log_.get(), "<30>" + line, "/dev/kmsg"));
}

void Console::Progress(std::string_view text) {
  const Clock::time_point now = Clock::now();
  if (text == last_text_ && now - last_progress_ < kProgressInterval) return;
  last_text_ = text;
  last_progress_ = now;
  const std::chrono::duration<double> elapsed = now - step_start_;
  Print(std::format("[{:5.1f} s] {}", elapsed.count(), text));
}

void Console::StartStep() {
  step_start_ = Clock::now();
  last_text_.clear();
}

bool Console::WaitForEnter(std::chrono::milliseconds limit) {
  std::vector<pollfd> inputs;
  for (const UniqueFd& terminal : terminals_) {
    tcflush(terminal.get(), TCIFLUSH);
    inputs.push_back({.fd = terminal.get(), .events = POLLIN, .revents = 0});
  }
  const Clock::time_point deadline = Clock::now() + limit;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() <= 0) return false;
    poll(inputs.data(), inputs.size(), static_cast<int>(left.count()));
    for (pollfd& input : inputs) {
      if ((input.revents & POLLIN) != 0 && ReadEnter(input.fd)) return true;
      // A line that hung up stays readable for ever: leave it out.
      if ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) input.fd = -1;
    }
  }
}

}  // namespace driveroot
