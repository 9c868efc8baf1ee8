// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/pacer.h"

#include <algorithm>
#include <chrono>

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Three creates a second, which Google sustains.
constexpr milliseconds kSustainedInterval{334};
constexpr milliseconds kSlowestInterval{4000};
// Calls that were under way together are refused together: that is one event.
constexpr seconds kBetweenSlowDowns{1};
// The pace doubles after each quiet spell, and is free below 100 ms.
constexpr seconds kQuietSpell{30};
constexpr milliseconds kFreeInterval{100};

}  // namespace

void Pacer::Recover(Clock::TimePoint now) {
  while (interval_ > least_interval_ && now - last_change_ >= kQuietSpell) {
    interval_ /= 2;
    last_change_ += kQuietSpell;
    if (interval_ < kFreeInterval) interval_ = milliseconds(0);
    interval_ = std::max(interval_, least_interval_);
  }
}

Clock::Duration Pacer::Take(Clock::TimePoint now) {
  std::lock_guard lock(mutex_);
  Recover(now);
  if (interval_ == milliseconds(0)) return milliseconds(0);
  const Clock::TimePoint start = std::max(now, next_start_);
  next_start_ = start + interval_;
  return std::chrono::ceil<milliseconds>(start - now);
}

void Pacer::SlowDown(Clock::TimePoint now) {
  std::lock_guard lock(mutex_);
  Recover(now);
  if (interval_ == milliseconds(0)) {
    next_start_ = now;
  } else if (now - last_change_ < kBetweenSlowDowns) {
    return;
  }
  interval_ = std::clamp(interval_ * 2, kSustainedInterval, kSlowestInterval);
  last_change_ = now;
}

}  // namespace driveroot
