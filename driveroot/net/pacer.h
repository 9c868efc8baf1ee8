// SPDX-License-Identifier: Apache-2.0
//
// Spaces calls out once the server has asked for it. Google sustains about
// three creates a second and account, and allows bursts, so nothing is held
// back until a rate-limit answer comes; from then on calls start at most three
// a second, slower still when that does not help, and the pace recovers while
// no further limit is met.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_PACER_H_
#define DRIVEROOT_NET_PACER_H_

#include <mutex>

#include "driveroot/net/clock.h"

namespace driveroot {

class Pacer {
 public:
  // `least_interval` is kept between starts from the beginning.
  explicit Pacer(Clock::Duration least_interval = Clock::Duration(0))
      : least_interval_(least_interval), interval_(least_interval) {}

  // Takes the next free slot: how long the caller must wait before it starts.
  Clock::Duration Take(Clock::TimePoint now);

  // The server refused a call for its rate.
  void SlowDown(Clock::TimePoint now);

 private:
  void Recover(Clock::TimePoint now);

  const Clock::Duration least_interval_;
  std::mutex mutex_;
  Clock::Duration interval_;        // between starts; 0: not paced
  Clock::TimePoint next_start_{};   // the first free slot
  Clock::TimePoint last_change_{};  // of interval_
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_PACER_H_
