// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/current_operation.h"

#include <utility>

namespace driveroot {

constinit thread_local OperationScope::Operation OperationScope::current_;

std::string_view CurrentOperation() { return OperationScope::current_.name; }

std::function<void()> RepetitionOfCurrentOperation() {
  const OperationScope::Operation& current = OperationScope::current_;
  return current.make == nullptr ? nullptr : current.make(current.arguments);
}

OperationScope::OperationScope(std::string_view name, MakeRepetition make,
                               const void* arguments)
    : before_(std::exchange(current_, {name, make, arguments})) {}

OperationScope::~OperationScope() { current_ = before_; }

}  // namespace driveroot
