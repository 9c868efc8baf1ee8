// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/event_loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace driveroot::fakedrive {

Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid())
    return std::unexpected(Error::FromErrno(errno, "cannot make an epoll set"));
  UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer.valid())
    return std::unexpected(Error::FromErrno(errno, "cannot make a timer"));
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = timer.get();
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0)
    return std::unexpected(Error::FromErrno(errno, "cannot watch a timer"));
  return std::unique_ptr<EventLoop>(
      new EventLoop(std::move(epoll), std::move(timer)));
}

Status EventLoop::Watch(int fd, uint32_t events,
                        std::function<void(uint32_t)> on_events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return std::unexpected(
        Error::FromErrno(errno, "cannot watch a descriptor"));
  watches_[fd] =
      std::make_shared<std::function<void(uint32_t)>>(std::move(on_events));
  return {};
}

void EventLoop::Change(int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Unwatch(int fd) {
  if (watches_.erase(fd) > 0)
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::After(Clock::duration delay,
                                    std::function<void()> call) {
  const TimerId id(Clock::now() + delay, next_timer_++);
  timers_.emplace(id, std::move(call));
  return id;
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> calls;
  calls.swap(posted_);
  for (const auto& call : calls) call();
}

void EventLoop::RunTimers() {
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto call = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    call();
  }
}

void EventLoop::ArmTimer() {
  itimerspec when = {};
  if (!timers_.empty()) {
    const auto delay = timers_.begin()->first.first - Clock::now();
    // A value of zero would disarm it.
    const int64_t nanoseconds = std::max<int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(delay).count(), 1);
    when.it_value.tv_sec = nanoseconds / 1'000'000'000;
    when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  }
  timerfd_settime(timer_.get(), 0, &when, nullptr);
}

Status EventLoop::Run() {
  std::array<epoll_event, 64> events;
  while (!stopped_) {
    ArmTimer();
    busy_ = busy();
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(),
                                 posted_.empty() ? -1 : 0);
    woken_ = Clock::now();
    if (count < 0 && errno != EINTR)
      return std::unexpected(Error::FromErrno(errno, "cannot wait for events"));
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == timer_.get()) {
        uint64_t expirations;
        // Only clears it; RunTimers looks at the clock.
        if (read(fd, &expirations, sizeof expirations) < 0) continue;
      }
      const auto watch = watches_.find(fd);
      if (watch == watches_.end()) continue;
      // A reference of our own: the callback may unwatch itself.
      const auto callback = watch->second;
      (*callback)(events[static_cast<size_t>(i)].events);
    }
    RunTimers();
    RunPosted();
  }
  return {};
}

}  // namespace driveroot::fakedrive
