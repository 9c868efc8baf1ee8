// SPDX-License-Identifier: Apache-2.0
//
// One thread's epoll loop with timers and posted calls.
//
// Not thread-safe: everything happens on the thread that calls Run. A callback
// may add, change and remove watches and timers, its own included.
#ifndef VMTEST_FAKEDRIVE_SERVER_EVENT_LOOP_H_
#define VMTEST_FAKEDRIVE_SERVER_EVENT_LOOP_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::fakedrive {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using TimerId = std::pair<Clock::time_point, uint64_t>;

  static Result<std::unique_ptr<EventLoop>> Create();

  // Calls `on_events` with the EPOLL* bits that are set, level-triggered.
  Status Watch(int fd, uint32_t events,
               std::function<void(uint32_t)> on_events);
  void Change(int fd, uint32_t events);
  // Must be called before the descriptor is closed.
  void Unwatch(int fd);

  TimerId After(Clock::duration delay, std::function<void()> call);
  void Cancel(TimerId timer) { timers_.erase(timer); }

  // Calls `call` in the next round.
  void Post(std::function<void()> call) { posted_.push_back(std::move(call)); }

  // How long it has been at work so far, and not waiting for events.
  Clock::duration busy() const { return busy_ + (Clock::now() - woken_); }

  // Runs until Stop.
  Status Run();
  void Stop() { stopped_ = true; }

 private:
  EventLoop(UniqueFd epoll, UniqueFd timer)
      : epoll_(std::move(epoll)), timer_(std::move(timer)) {}

  void RunPosted();
  void RunTimers();
  // Sets the timer descriptor to the first timer.
  void ArmTimer();

  UniqueFd epoll_;
  UniqueFd timer_;
  bool stopped_ = false;
  Clock::duration busy_ = {};  // until it waited last
  Clock::time_point woken_ = Clock::now();
  uint64_t next_timer_ = 0;
  std::unordered_map<int, std::shared_ptr<std::function<void(uint32_t)>>>
      watches_;
  std::map<TimerId, std::function<void()>> timers_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_EVENT_LOOP_H_
