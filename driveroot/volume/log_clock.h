// SPDX-License-Identifier: Apache-2.0
//
// LogClock is the time that a writer gives its records. A machine's clock may
// be wrong, and be set while a volume is mounted; what of the past is kept must
// not depend on that.
//
// The time of the log never goes back: while the machine's clock is behind, it
// goes on at half its speed. It does not follow a clock that is absurdly far
// ahead: then it goes on with the time that passed. A smaller leap is followed,
// since a machine may have been off for months; but time that is not known to
// have passed makes nothing old: it is told as a leap, and retention takes
// everything before it for as much younger.
//
// Thread-safe.
#ifndef DRIVEROOT_VOLUME_LOG_CLOCK_H_
#define DRIVEROOT_VOLUME_LOG_CLOCK_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

#include "driveroot/volume/retention.h"

namespace driveroot {

class LogClock {
 public:
  struct Parts {
    std::function<TimeNs()> now;  // the machine's clock
    // Time that passed, from any beginning, as since the machine started. Null:
    // what `now` says, which then is believed also when it is absurdly far
    // behind, but never when it is so far ahead.
    std::function<std::chrono::nanoseconds()> elapsed;
    // Whether the machine's clock is known to be right, so that even an absurd
    // leap is none; null: it is not.
    std::function<bool()> is_right;
  };

  // The last record of the log was sealed at `last`.
  LogClock(Parts parts, TimeNs last);

  // The time of what happens now.
  TimeNs Now();

  // All leaps so far.
  std::vector<TimeLeap> Leaps() const;

 private:
  TimeNs Elapsed(TimeNs wall);

  const Parts parts_;
  mutable std::mutex mutex_;  // guards what is below
  TimeNs last_;               // what Now() said
  TimeNs last_wall_;
  std::chrono::nanoseconds last_elapsed_ = {};
  // Where the log's time would be if there had been no leap but those told.
  TimeNs expected_;
  bool warned_ = false;
  std::vector<TimeLeap> leaps_;
};

// Whether the kernel knows that its clock is right, from a time server.
bool SystemClockIsRight();

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_LOG_CLOCK_H_
