// SPDX-License-Identifier: Apache-2.0
//
// Appender creates log records, several at a time: the id of a record is known
// as soon as the one before it is sealed, so no record has to wait for an
// answer about another one. A record counts as appended only when all before it
// do, so none does after one that failed.
//
// Thread-safe. Each record that is on its way has a thread.
#ifndef DRIVEROOT_VOLUME_APPENDER_H_
#define DRIVEROOT_VOLUME_APPENDER_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "driveroot/base/result.h"

namespace driveroot {

class Appender {
 public:
  // At most so many are on their way: enough to hide a round trip, and few
  // enough that what is synced together still shares records.
  explicit Appender(size_t max_in_flight) : max_in_flight_(max_in_flight) {}
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;
  // Waits for what is on its way.
  ~Appender();

  struct Record {
    std::function<Status()> create;
    // Called after it succeeded, one at a time in the order of Start.
    std::function<void()> appended;
    // Called when it failed.
    std::function<void(const Error&)> failed;
  };

  // Begins to create a record.
  void Start(Record record);

  // Return when another one may be started, and when none is on its way any
  // more. The error of the first that failed, if any.
  Status WaitForRoom() { return WaitUntilAtMost(max_in_flight_ - 1); }
  Status WaitForAll() { return WaitUntilAtMost(0); }

  // Returns when no record is being created any more, and forgets those that
  // were not appended, and that one failed.
  void Settle();

 private:
  struct Flight {
    Record record;
    bool done = false;  // with creating it
    bool created = false;
    bool ended = false;  // and the thread is about to
    std::thread thread;
  };

  Status WaitUntilAtMost(size_t count);
  void Run(Flight& flight);
  void JoinEnded(std::unique_lock<std::mutex>& lock);

  const size_t max_in_flight_;
  std::mutex mutex_;  // guards what is below
  std::condition_variable changed_;
  std::list<Flight> flights_;  // in the order of Start
  size_t in_flight_ = 0;       // not yet appended
  std::optional<Error> failure_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_APPENDER_H_
