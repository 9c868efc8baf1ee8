// SPDX-License-Identifier: Apache-2.0
//
// Seconds since it was made.
#ifndef DRIVEROOT_TOOLS_BENCH_STOPWATCH_H_
#define DRIVEROOT_TOOLS_BENCH_STOPWATCH_H_

#include <chrono>

namespace driveroot::bench {

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_STOPWATCH_H_
