// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/log_clock.h"

#include <sys/timex.h>

#include <algorithm>
#include <utility>

#include "glog/logging.h"

namespace driveroot {
namespace {

constexpr TimeNs kMinute = TimeNs{60} * 1'000'000'000;
constexpr TimeNs kDay = 24 * 60 * kMinute;

// A machine that was off for so long is more likely to have a wrong clock.
constexpr TimeNs kAbsurd = 400 * kDay;

// For a reboot, and for clocks that are adjusted: less than the time for which
// deleted records could be missed (kReturnTime), by far less than any that the
// past is kept.
constexpr TimeNs kAllowance = 30 * kMinute;

}  // namespace

LogClock::LogClock(Parts parts, TimeNs last)
    : parts_(std::move(parts)),
      last_(last),
      last_wall_(parts_.elapsed == nullptr ? last : parts_.now()),
      expected_(last + kAllowance) {
  if (parts_.elapsed != nullptr) last_elapsed_ = parts_.elapsed();
}

TimeNs LogClock::Elapsed(TimeNs wall) {
  if (parts_.elapsed != nullptr) {
    const std::chrono::nanoseconds now = parts_.elapsed();
    return (now - std::exchange(last_elapsed_, now)).count();
  }
  const TimeNs step = wall - last_wall_;
  return step > kAbsurd ? 0 : std::max<TimeNs>(step, 0);
}

TimeNs LogClock::Now() {
  const std::lock_guard lock(mutex_);
  const TimeNs wall = parts_.now();
  const TimeNs elapsed = Elapsed(wall);
  last_wall_ = wall;
  expected_ += elapsed;
  TimeNs time = wall;
  if (wall < last_ && parts_.elapsed == nullptr && last_ - wall > kAbsurd) {
    expected_ = wall + kAllowance;
  } else if (wall < last_) {
    time = last_ + (parts_.elapsed == nullptr ? elapsed : elapsed / 2);
  } else if (wall - last_ > elapsed + kAbsurd &&
             (parts_.is_right == nullptr || !parts_.is_right())) {
    LOG_IF(WARNING, !std::exchange(warned_, true))
        << "this machine's clock is more than a year ahead of the volume's "
           "last record; it is not believed, so the times of what is written "
           "now will be too early: set the clock";
    time = last_ + elapsed;
  }
  if (time > expected_) {
    leaps_.push_back({.after = last_, .length = time - expected_});
    expected_ = time;
  }
  last_ = time;
  return time;
}

std::vector<TimeLeap> LogClock::Leaps() const {
  const std::lock_guard lock(mutex_);
  return leaps_;
}

bool SystemClockIsRight() {
  timex state = {};
  const int result = adjtimex(&state);
  return result >= 0 && result != TIME_ERROR &&
         (state.status & STA_UNSYNC) == 0;
}

}  // namespace driveroot
