// SPDX-License-Identifier: Apache-2.0
//
// EndLimit is how long a mount that ends may go on to store what was written to
// it. The service manager is told meanwhile that it takes longer. Thread-safe.
#ifndef DRIVEROOT_CLI_END_LIMIT_H_
#define DRIVEROOT_CLI_END_LIMIT_H_

#include <chrono>
#include <future>
#include <mutex>
#include <optional>

namespace driveroot {

class EndLimit {
 public:
  explicit EndLimit(std::chrono::milliseconds time) : time_(time) {}

  // A signal says that it has to end: the time begins. The second one: it is
  // over.
  void Signal();
  bool signalled() const;

  // The time begins, unless it has.
  void Begin();

  // At most so much of it is left.
  void Shorten(std::chrono::milliseconds time);

  // Waits for a while, or until a signal comes; the time is to begin anew then.
  void Rest(std::chrono::milliseconds time);

  bool is_over() const;

  // Returns when `work` is ready (true), or the time is over (false).
  template <typename T>
  bool Await(const std::future<T>& work) const {
    return Await([&](std::chrono::milliseconds pause) {
      return work.wait_for(pause) == std::future_status::ready;
    });
  }

 private:
  using Clock = std::chrono::steady_clock;

  template <typename Function>
  bool Await(const Function& is_ready) const {
    while (!is_ready(kPause)) {
      if (is_over()) return false;
      TellServiceManager();
    }
    return true;
  }
  void TellServiceManager() const;

  static constexpr std::chrono::milliseconds kPause{100};

  const std::chrono::milliseconds time_;
  mutable std::mutex mutex_;  // guards what is below
  int signals_ = 0;
  std::optional<Clock::time_point> end_;
  mutable Clock::time_point told_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_END_LIMIT_H_
