// SPDX-License-Identifier: Apache-2.0
//
// Time as retries and tokens need it: a monotonic now, and a sleep that can be
// cut short for good when the program shuts down. Tests use FakeClock
// (fake_clock.h), in which a sleep takes no time.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_CLOCK_H_
#define DRIVEROOT_NET_CLOCK_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "driveroot/base/result.h"

namespace driveroot {

class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual TimePoint Now() = 0;

  // Returns after `duration`; kCancelled at once when, or as soon as, the clock
  // is cancelled.
  virtual Status Sleep(Duration duration) = 0;
};

class SystemClock : public Clock {
 public:
  TimePoint Now() override;
  Status Sleep(Duration duration) override;

  // Ends all sleeps, now and later, with kCancelled.
  void Cancel();

 private:
  std::mutex mutex_;
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_CLOCK_H_
