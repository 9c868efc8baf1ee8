// SPDX-License-Identifier: Apache-2.0
//
// How often a program waited for the Drive before it could ask for more.
#ifndef DRIVEROOT_TOOLS_BENCH_ROUND_TRIPS_H_
#define DRIVEROOT_TOOLS_BENCH_ROUND_TRIPS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/boot_report/timeline.h"

namespace driveroot::bench {

// The most of `requests` of which each began when the one before it had ended.
// Pure.
uint64_t CountRoundTrips(std::vector<vmtest::TimelineRequest> requests);

// The same for all requests of a log of fakedrive's since `begin`.
Result<uint64_t> RoundTripsSince(const std::string& request_log,
                                 std::chrono::system_clock::time_point begin);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_ROUND_TRIPS_H_
