// SPDX-License-Identifier: Apache-2.0
//
// ProgressWatch tells whether a transfer gets on, by its bytes in a time: a
// server that sends a byte now and then is as good as dead. On a link that many
// share, a transfer needs only a part of its fair share. Bytes, those of the
// bodies in both directions.
//
// Thread-safety: none.
#ifndef DRIVEROOT_NET_PROGRESS_WATCH_H_
#define DRIVEROOT_NET_PROGRESS_WATCH_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "driveroot/net/clock.h"

namespace driveroot {

struct ProgressLimits {
  // Bytes a second that are enough in any case. A slower link carries a commit
  // of a megabyte in a quarter of an hour at best.
  uint64_t enough = 1024;
  // Without so many, it is broken off in any case.
  uint64_t least = 128;
  // In which they are counted.
  std::chrono::seconds window{40};
};

class ProgressWatch {
 public:
  explicit ProgressWatch(ProgressLimits limits) : limits_(limits) {}

  // Notes at `now` that the transfer has carried `bytes` since it began, and
  // all transfers on the link, `transfers` of them now, `all_bytes` since any
  // time. Nothing, or how few bytes it carried in how long, when that is too
  // few.
  struct Slow {
    uint64_t bytes = 0;
    std::chrono::seconds time{0};
  };
  std::optional<Slow> Note(Clock::TimePoint now, uint64_t bytes,
                           uint64_t all_bytes, uint64_t transfers) {
    if (!since_) return Begin(now, bytes, all_bytes);
    if (now - *since_ < limits_.window) return std::nullopt;
    const auto time = std::max(
        std::chrono::seconds(1),
        std::chrono::duration_cast<std::chrono::seconds>(now - *since_));
    const auto seconds = static_cast<uint64_t>(time.count());
    const uint64_t carried = bytes - bytes_;
    const uint64_t share =
        (all_bytes - all_bytes_) / std::max<uint64_t>(transfers, 1);
    const uint64_t wanted =
        std::clamp(share / 4, limits_.least * seconds,
                   std::max(limits_.least, limits_.enough) * seconds);
    // Alone on the link, its share is all that was carried.
    const uint64_t needed = transfers <= 1 ? limits_.enough * seconds : wanted;
    if (carried < needed) return Slow{.bytes = carried, .time = time};
    return Begin(now, bytes, all_bytes);
  }

 private:
  std::nullopt_t Begin(Clock::TimePoint now, uint64_t bytes,
                       uint64_t all_bytes) {
    since_ = now;
    bytes_ = bytes;
    all_bytes_ = all_bytes;
    return std::nullopt;
  }

  const ProgressLimits limits_;
  std::optional<Clock::TimePoint> since_;  // the window's begin
  uint64_t bytes_ = 0;                     // at that time, as below
  uint64_t all_bytes_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_PROGRESS_WATCH_H_
