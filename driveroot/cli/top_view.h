// SPDX-License-Identifier: Apache-2.0
//
// What `driveroot top` shows of a mounted volume: rates, from two states of it.
// Pure; thread-safe.
#ifndef DRIVEROOT_CLI_TOP_VIEW_H_
#define DRIVEROOT_CLI_TOP_VIEW_H_

#include <chrono>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// Lines of text about the time between two answers of StatusJson(). kDataLoss:
// one of them is no status.
Result<std::string> TopText(std::string_view before, std::string_view now,
                            std::chrono::milliseconds between);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_TOP_VIEW_H_
