// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/clock.h"

namespace driveroot {

Clock::TimePoint SystemClock::Now() { return std::chrono::steady_clock::now(); }

Status SystemClock::Sleep(Duration duration) {
  std::unique_lock lock(mutex_);
  if (cancelled_changed_.wait_for(lock, duration, [&] { return cancelled_; })) {
    return Fail(ErrorCode::kCancelled, "shutting down");
  }
  return {};
}

void SystemClock::Cancel() {
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  cancelled_changed_.notify_all();
}

}  // namespace driveroot
