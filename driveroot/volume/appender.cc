// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/appender.h"

#include <algorithm>
#include <utility>

namespace driveroot {

Appender::~Appender() {
  for (Flight& flight : flights_) flight.thread.join();
}

void Appender::Start(Record record) {
  std::unique_lock lock(mutex_);
  JoinEnded(lock);
  Flight& flight = flights_.emplace_back();
  flight.record = std::move(record);
  ++in_flight_;
  flight.thread = std::thread([this, &flight] { Run(flight); });
}

void Appender::JoinEnded(std::unique_lock<std::mutex>& lock) {
  std::list<Flight> ended;
  for (auto flight = flights_.begin(); flight != flights_.end();) {
    const auto next = std::next(flight);
    if (flight->ended) ended.splice(ended.end(), flights_, flight);
    flight = next;
  }
  lock.unlock();
  for (Flight& flight : ended) flight.thread.join();
  lock.lock();
}

void Appender::Run(Flight& flight) {
  const Status created = flight.record.create();
  const std::lock_guard lock(mutex_);
  // Its data is of no use any more.
  flight.record.create = nullptr;
  flight.done = true;
  flight.created = created.has_value();
  if (!created) {
    flight.record.failed(created.error());
    if (!failure_) failure_ = created.error();
  }
  for (Flight& next : flights_) {
    if (!next.created) break;
    if (next.ended) continue;
    next.record.appended();
    next.ended = true;
    --in_flight_;
  }
  changed_.notify_all();
}

void Appender::Settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [&] { return std::ranges::all_of(flights_, &Flight::done); });
  std::list<Flight> settled;
  settled.swap(flights_);
  in_flight_ = 0;
  failure_.reset();
  lock.unlock();
  for (Flight& flight : settled) flight.thread.join();
}

Status Appender::WaitUntilAtMost(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return in_flight_ <= count || failure_; });
  if (failure_) return std::unexpected(*failure_);
  return {};
}

}  // namespace driveroot
