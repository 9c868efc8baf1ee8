// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/round_trips.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot::bench {
namespace {

constexpr uint64_t kMaxLogBytes = 1 << 30;

}  // namespace

uint64_t CountRoundTrips(std::vector<vmtest::TimelineRequest> requests) {
  // Taking what ends first leaves most room for the rest (interval scheduling).
  std::ranges::sort(requests, {}, &vmtest::TimelineRequest::end);
  uint64_t count = 0;
  double ended = -std::numeric_limits<double>::infinity();
  for (const vmtest::TimelineRequest& request : requests) {
    if (request.begin < ended) continue;
    ended = request.end;
    ++count;
  }
  return count;
}

Result<uint64_t> RoundTripsSince(const std::string& request_log,
                                 std::chrono::system_clock::time_point begin) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string log,
                             ReadFile(request_log, kMaxLogBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(
      std::vector<vmtest::TimelineRequest> requests,
      vmtest::ParseRequestLog(log, begin,
                              std::numeric_limits<double>::infinity()));
  // The benchmark's own.
  std::erase_if(requests, [](const vmtest::TimelineRequest& request) {
    return request.call == "control";
  });
  return CountRoundTrips(std::move(requests));
}

}  // namespace driveroot::bench
