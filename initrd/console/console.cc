// SPDX-License-Identifier: Apache-2.0
#include "initrd/console/console.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <format>
#include <optional>
#include <sstream>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxListBytes = 4096;
constexpr std::chrono::seconds kProgressInterval(10);
constexpr int kWriteTimeoutMs = 1000;
constexpr size_t kMaxTyped = 4096;

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

// Overlays overwrite each other up to this column: 80 less the prefix.
constexpr size_t kMaxOverlay = 66;

// Takes the first line off `typed`. A terminal in raw mode ends it with CR.
std::optional<std::string> TakeLine(std::string& typed) {
  const size_t end = typed.find_first_of("\r\n");
  if (end == typed.npos) return std::nullopt;
  std::string line = typed.substr(0, end);
  typed.erase(0, end + 1);
  return line;
}

}  // namespace

std::vector<std::string> Console::ActiveTerminals() {
  const Result<std::string> active =
      ReadFile("/sys/class/tty/console/active", kMaxListBytes);
  std::vector<std::string> paths;
  std::istringstream names(active.value_or(""));
  for (std::string name; names >> name;) paths.push_back("/dev/" + name);
  return paths;
}

Console::Console() : Console(ActiveTerminals(), "/dev/kmsg") {}

Console::Console(const std::vector<std::string>& terminals,
                 const std::string& kernel_log)
    : kernel_log_(open(kernel_log.c_str(), O_WRONLY | O_CLOEXEC)) {
  for (const std::string& path : terminals) {
    UniqueFd terminal = OpenTerminal(path);
    if (terminal.valid()) terminals_.push_back({.fd = std::move(terminal)});
  }
  if (terminals_.empty()) {
    UniqueFd terminal = OpenTerminal("/dev/console");
    if (terminal.valid()) terminals_.push_back({.fd = std::move(terminal)});
  }
}

void Console::Print(std::string_view text) {
  const std::string line = std::format("driveroot: {}\n", text);
  // The line may be shorter than the overlay that it takes the place of.
  Overlay("");
  Write(line);
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

void Console::Write(std::string_view text) {
  for (const Terminal& terminal : terminals_) {
    if (!terminal.is_dead) WriteToTerminal(terminal.fd.get(), text);
  }
}

void Console::Overlay(std::string_view text) {
  if (text == overlay_) return;
  std::string shown(text.substr(0, kMaxOverlay));
  // The prefix is of the same width each time.
  const size_t blanks =
      overlay_.size() > shown.size() ? overlay_.size() - shown.size() : 0;
  if (shown.empty()) {
    Write("\r" + std::string(sizeof("driveroot: ") - 1 + blanks, ' ') + "\r");
  } else {
    Write("\rdriveroot: " + shown + std::string(blanks, ' '));
  }
  overlay_ = std::move(shown);
}

void Console::ForgetTyped() {
  for (Terminal& terminal : terminals_) {
    tcflush(terminal.fd.get(), TCIFLUSH);
    terminal.typed.clear();
  }
}

bool Console::WaitForEnter(std::chrono::milliseconds limit) {
  ForgetTyped();
  return ReadLine(limit).has_value();
}

std::optional<std::string> Console::ReadLine(std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (true) {
    std::vector<pollfd> inputs;
    for (Terminal& terminal : terminals_) {
      std::optional<std::string> line = TakeLine(terminal.typed);
      if (line) return line;
      inputs.push_back({.fd = terminal.is_dead ? -1 : terminal.fd.get(),
                        .events = POLLIN,
                        .revents = 0});
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    poll(inputs.data(), inputs.size(), static_cast<int>(left.count()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if ((inputs[i].revents & POLLIN) != 0) ReadTyped(terminals_[i]);
      if ((inputs[i].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        terminals_[i].is_dead = true;
      }
    }
  }
}

void Console::ReadTyped(Terminal& terminal) {
  std::array<char, 256> typed;
  const ssize_t count = read(terminal.fd.get(), typed.data(), typed.size());
  if (count > 0)
    terminal.typed.append(typed.data(), static_cast<size_t>(count));
  // A line without end is nobody's answer.
  if (terminal.typed.size() > kMaxTyped) terminal.typed.clear();
}

}  // namespace driveroot
