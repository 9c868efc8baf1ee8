// SPDX-License-Identifier: Apache-2.0
//
// A token bucket on the steady clock: `rate` units a second, at most `burst` of
// them saved up.
#ifndef VMTEST_FAKEDRIVE_DRIVE_RATE_LIMIT_H_
#define VMTEST_FAKEDRIVE_DRIVE_RATE_LIMIT_H_

#include <algorithm>
#include <chrono>

namespace driveroot::fakedrive {

class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;

  RateLimit(double rate, double burst, Clock::time_point now)
      : rate_(rate), burst_(burst), saved_(burst), refilled_(now) {}

  // Takes `units` if they are there.
  bool Take(double units, Clock::time_point now) {
    const std::chrono::duration<double> passed = now - refilled_;
    saved_ = std::min(burst_, saved_ + passed.count() * rate_);
    refilled_ = now;
    if (saved_ < units) return false;
    saved_ -= units;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double saved_;
  Clock::time_point refilled_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_RATE_LIMIT_H_
