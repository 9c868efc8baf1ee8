// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/end_limit.h"

#include <format>
#include <thread>

#include "driveroot/cli/service_manager.h"

namespace driveroot {
namespace {

// How often the service manager is told, and how much more time it should give
// from then on: enough to write down what could not be stored.
constexpr std::chrono::seconds kTellEvery(5);
constexpr std::chrono::seconds kExtension(60);

}  // namespace

void EndLimit::Signal() {
  const std::lock_guard lock(mutex_);
  ++signals_;
  if (signals_ > 1) {
    end_ = Clock::now();
  } else if (!end_) {
    end_ = Clock::now() + time_;
  }
}

bool EndLimit::signalled() const {
  const std::lock_guard lock(mutex_);
  return signals_ > 0;
}

void EndLimit::Begin() {
  const std::lock_guard lock(mutex_);
  if (!end_) end_ = Clock::now() + time_;
}

void EndLimit::Shorten(std::chrono::milliseconds time) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point end = Clock::now() + time;
  if (!end_ || *end_ > end) end_ = end;
}

void EndLimit::Rest(std::chrono::milliseconds time) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end && !signalled())
    std::this_thread::sleep_for(kPause);
  const std::lock_guard lock(mutex_);
  if (signals_ == 0) end_.reset();
}

bool EndLimit::is_over() const {
  const std::lock_guard lock(mutex_);
  return end_ && Clock::now() >= *end_;
}

void EndLimit::TellServiceManager() const {
  {
    const std::lock_guard lock(mutex_);
    if (signals_ == 0 || Clock::now() < told_ + kTellEvery) return;
    told_ = Clock::now();
  }
  NotifyServiceManager(std::format(
      "STOPPING=1\nSTATUS=storing what was written\nEXTEND_TIMEOUT_USEC={}",
      std::chrono::microseconds(kExtension).count()));
}

}  // namespace driveroot
