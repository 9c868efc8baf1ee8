// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kTerminalInterval(100);
constexpr seconds kPlainInterval(10);
constexpr int kDefaultWidth = 80;
constexpr int kBarWidth = 24;

int TerminalWidth() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return kDefaultWidth;
  }
  return size.ws_col;
}

std::string Bar(double fraction) {
  const int filled = static_cast<int>(fraction * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') +
         "]";
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  const int decimals = unit == 0 || value >= 100 ? 0 : 1;
  std::snprintf(text, sizeof(text), "%.*f ", decimals, value);
  return text + std::string(kUnits[unit]);
}

std::string FormatDuration(seconds duration) {
  const int64_t total = duration.count();
  if (total < 60) return std::to_string(total) + " s";
  char text[32];
  if (total < 3600) {
    std::snprintf(text, sizeof(text), "%d:%02d", static_cast<int>(total / 60),
                  static_cast<int>(total % 60));
  } else {
    std::snprintf(text, sizeof(text), "%lld:%02d:%02d",
                  static_cast<long long>(total / 3600),
                  static_cast<int>(total / 60 % 60),
                  static_cast<int>(total % 60));
  }
  return text;
}

std::string ProgressLine(std::string_view what, uint64_t done, uint64_t total,
                         milliseconds elapsed, int width) {
  std::string line(what);
  line += ": ";
  const double fraction = total == 0
                              ? 0
                              : std::min(1.0, static_cast<double>(done) /
                                                  static_cast<double>(total));
  if (total > 0) {
    line += Bar(fraction) + " " +
            std::to_string(static_cast<int>(fraction * 100)) + " % ";
  }
  line += FormatBytes(done);
  if (total > 0) line += " of " + FormatBytes(total);
  const double elapsed_seconds = static_cast<double>(elapsed.count()) / 1000;
  if (elapsed_seconds >= 1 && done > 0) {
    const double rate = static_cast<double>(done) / elapsed_seconds;
    line += ", " + FormatBytes(static_cast<uint64_t>(rate)) + "/s";
    if (total > done) {
      const auto left =
          static_cast<int64_t>(static_cast<double>(total - done) / rate + 0.5);
      line += ", " + FormatDuration(seconds(left)) + " left";
    }
  }
  if (line.size() > static_cast<size_t>(width)) {
    line.resize(static_cast<size_t>(width));
  }
  return line;
}

ProgressBar::ProgressBar(bool is_terminal) : is_terminal_(is_terminal) {}

ProgressBar ProgressBar::ForStandardError() {
  return ProgressBar(isatty(STDERR_FILENO) != 0);
}

void ProgressBar::Update(std::string_view what, uint64_t done, uint64_t total) {
  const Clock::time_point now = Clock::now();
  if (what != what_) {
    what_ = what;
    begin_ = now;
    next_ = now;
    if (!is_terminal_) next_ += kPlainInterval;
  }
  if (now < next_) return;
  next_ =
      now + (is_terminal_
                 ? kTerminalInterval
                 : std::chrono::duration_cast<milliseconds>(kPlainInterval));
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - begin_);
  const std::string line =
      ProgressLine(what, done, total, elapsed,
                   is_terminal_ ? TerminalWidth() - 1 : kDefaultWidth * 2);
  // Erase to the end of the line first: ECMA-48, EL.
  std::fprintf(stderr, is_terminal_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
  std::fflush(stderr);
  shown_ = is_terminal_;
}

void ProgressBar::Finish() {
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
  what_.clear();
}

}  // namespace driveroot
