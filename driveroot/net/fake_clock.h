// SPDX-License-Identifier: Apache-2.0
//
// A clock for tests: time passes only when somebody sleeps or Advance() is
// called, and every sleep is noted.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_FAKE_CLOCK_H_
#define DRIVEROOT_NET_FAKE_CLOCK_H_

#include <mutex>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/clock.h"

namespace driveroot {

class FakeClock : public Clock {
 public:
  TimePoint Now() override {
    std::lock_guard lock(mutex_);
    return now_;
  }

  Status Sleep(Duration duration) override {
    std::lock_guard lock(mutex_);
    if (sleeps_left_ == 0) return Fail(ErrorCode::kCancelled, "shutting down");
    --sleeps_left_;
    sleeps_.push_back(duration);
    now_ += duration;
    return {};
  }

  void Advance(Duration duration) {
    std::lock_guard lock(mutex_);
    now_ += duration;
  }

  // Sleeps after the next `count` are cancelled.
  void CancelAfter(int count) {
    std::lock_guard lock(mutex_);
    sleeps_left_ = count;
  }

  std::vector<Duration> sleeps() const {
    std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  mutable std::mutex mutex_;
  TimePoint now_{std::chrono::hours(1)};
  int sleeps_left_ = 1'000'000;
  std::vector<Duration> sleeps_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_FAKE_CLOCK_H_
