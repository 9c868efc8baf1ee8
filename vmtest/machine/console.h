// SPDX-License-Identifier: Apache-2.0
//
// Console is the machine's serial line as a test sees it: everything the guest
// printed since it started, and a keyboard. Thread-safe.
#ifndef DRIVEROOT_VMTEST_MACHINE_CONSOLE_H_
#define DRIVEROOT_VMTEST_MACHINE_CONSOLE_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::vmtest {

class Console {
 public:
  // Reads what the guest prints from `output` and types into `input`.
  Console(UniqueFd output, UniqueFd input);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  // The other end must be closed by then.
  ~Console();

  // Waits until the guest has printed `text` after what the last WaitFor found.
  // kUnavailable: not within `limit`. kCancelled: the machine ended first. Both
  // messages hold the last lines.
  Status WaitFor(std::string_view text, std::chrono::seconds limit);

  // Types `text`. Ends lines with "\n".
  Status Type(std::string_view text);

  // Everything so far.
  std::string Transcript() const;

  // The same as lines, without their ends.
  struct Line {
    std::chrono::system_clock::time_point at;  // when it began to appear
    std::string text;
  };
  std::vector<Line> Lines() const;

 private:
  void Read();
  std::string LastLines() const;  // Precondition: mutex_ is held.

  UniqueFd output_;
  UniqueFd input_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string transcript_;
  // Where in the transcript what was read at one time begins, in order.
  std::vector<std::pair<size_t, std::chrono::system_clock::time_point>>
      arrivals_;
  size_t found_ = 0;  // behind the last text found
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_MACHINE_CONSOLE_H_
