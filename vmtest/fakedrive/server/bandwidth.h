// SPDX-License-Identifier: Apache-2.0
//
// One direction of the simulated link: a token bucket that all connections
// share. Whoever finds it empty queues and is called, first come first served,
// when there is room for another piece. Units: bytes and bytes per second.
//
// Pieces are taken whole, so the balance may go below zero by one piece; the
// rate holds over time. What the link carries while this program is at work,
// as with hashing a file, is not lost: buffers on the way hold it. Lives on the
// event loop's thread.
#ifndef VMTEST_FAKEDRIVE_SERVER_BANDWIDTH_H_
#define VMTEST_FAKEDRIVE_SERVER_BANDWIDTH_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "vmtest/fakedrive/server/event_loop.h"

namespace driveroot::fakedrive {

class Bandwidth {
 public:
  // `on_ready` is called with the id that was given to Wait.
  Bandwidth(EventLoop* loop, std::function<void(uint64_t)> on_ready)
      : loop_(*loop), on_ready_(std::move(on_ready)) {}

  // 0 means without limit.
  void SetRate(double bytes_per_second);

  bool Ready();
  void Take(uint64_t bytes);
  // Queues; each call is answered by at most one on_ready.
  void Wait(uint64_t id);

 private:
  void Refill();
  void Schedule();
  void OnTimer();

  EventLoop& loop_;
  const std::function<void(uint64_t)> on_ready_;
  double rate_ = 0;
  double balance_ = 0;
  EventLoop::Clock::time_point refilled_ = EventLoop::Clock::now();
  EventLoop::Clock::duration busy_ = {};  // the loop's, at that time
  std::deque<uint64_t> waiting_;
  std::optional<EventLoop::TimerId> timer_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_BANDWIDTH_H_
