// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/bandwidth.h"

#include <algorithm>
#include <chrono>

namespace driveroot::fakedrive {
namespace {

// How much an idle link may send at once: what it carries in 10 ms, and no
// less than two TLS records.
double Burst(double rate) { return std::max(rate * 0.01, 32.0 * 1024); }

}  // namespace

void Bandwidth::SetRate(double bytes_per_second) {
  rate_ = bytes_per_second;
  balance_ = 0;
  refilled_ = EventLoop::Clock::now();
  busy_ = loop_.busy();
  if (timer_) loop_.Cancel(*timer_);
  timer_.reset();
  Schedule();
}

void Bandwidth::Refill() {
  const auto now = EventLoop::Clock::now();
  const auto busy = loop_.busy();
  const double seconds = std::chrono::duration<double>(now - refilled_).count();
  const double at_work = std::chrono::duration<double>(busy - busy_).count();
  // What is left while there is nothing to do did not come after all.
  const double idle = std::max(0.0, seconds - at_work);
  const double most =
      std::max(Burst(rate_), balance_ - idle * rate_) + at_work * rate_;
  balance_ = std::min(balance_ + seconds * rate_, most);
  refilled_ = now;
  busy_ = busy;
}

bool Bandwidth::Ready() {
  if (rate_ <= 0) return true;
  Refill();
  return balance_ > 0;
}

void Bandwidth::Take(uint64_t bytes) {
  if (rate_ > 0) balance_ -= static_cast<double>(bytes);
}

void Bandwidth::Wait(uint64_t id) {
  waiting_.push_back(id);
  Schedule();
}

void Bandwidth::Schedule() {
  if (waiting_.empty() || timer_) return;
  // A little beyond the moment when the balance is positive again.
  const double seconds = rate_ <= 0 ? 0 : std::max(0.0, (1 - balance_) / rate_);
  timer_ = loop_.After(std::chrono::duration_cast<EventLoop::Clock::duration>(
                           std::chrono::duration<double>(seconds)),
                       [this] { OnTimer(); });
}

void Bandwidth::OnTimer() {
  timer_.reset();
  // Only those who wait now: one that queues again goes to the next round.
  for (size_t left = waiting_.size(); left > 0 && Ready(); --left) {
    const uint64_t id = waiting_.front();
    waiting_.pop_front();
    on_ready_(id);
  }
  Schedule();
}

}  // namespace driveroot::fakedrive
