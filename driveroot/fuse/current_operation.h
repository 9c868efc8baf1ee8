// SPDX-License-Identifier: Apache-2.0
//
// Which operation of libfuse this thread is answering, for its errors and
// messages, and how it is done once more when there is no room for it now: set
// around each call of an operation, and where one is answered later. For the
// thread that asks.
#ifndef DRIVEROOT_FUSE_CURRENT_OPERATION_H_
#define DRIVEROOT_FUSE_CURRENT_OPERATION_H_

#include <functional>
#include <string_view>

namespace driveroot {

// The member's name in fuse_lowlevel_ops; empty: none.
std::string_view CurrentOperation();

// A call of the operation with copies of its arguments, which answers the same
// request; null: it cannot be repeated.
std::function<void()> RepetitionOfCurrentOperation();

class OperationScope {
 public:
  using MakeRepetition = std::function<void()> (*)(const void* arguments);

  // `name` outlives the program's threads: a string literal.
  explicit OperationScope(std::string_view name)
      : OperationScope(name, {}, {}) {}
  // Whoever asks for the repetition gets make(arguments).
  OperationScope(std::string_view name, MakeRepetition make,
                 const void* arguments);
  OperationScope(const OperationScope&) = delete;
  OperationScope& operator=(const OperationScope&) = delete;
  ~OperationScope();

 private:
  struct Operation {
    std::string_view name;
    MakeRepetition make = nullptr;
    const void* arguments = nullptr;
  };
  friend std::string_view CurrentOperation();
  friend std::function<void()> RepetitionOfCurrentOperation();

  static thread_local Operation current_;
  const Operation before_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_CURRENT_OPERATION_H_
