// SPDX-License-Identifier: Apache-2.0
//
// What the network layer has done since it was made, for `status --json`, the
// benchmarks and the tests. A plain copy: no lock is held on it.
#ifndef DRIVEROOT_NET_COUNTERS_H_
#define DRIVEROOT_NET_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace driveroot {

// Of one kind of call, e.g. "files.create".
struct CallCounters {
  std::string method;         // HTTP method of the call
  uint64_t requests = 0;      // exchanges begun, retries included
  uint64_t failures = 0;      // of these, without a 2xx or 3xx answer
  uint64_t bytes_up = 0;      // bodies sent
  uint64_t bytes_down = 0;    // bodies received
  uint64_t milliseconds = 0;  // sum of the exchanges' durations
};

// One exchange that is over.
struct ExchangeRecord {
  std::string_view call;  // its kind; outlives the program
  uint64_t started = 0;   // milliseconds after the client was made
  uint64_t milliseconds = 0;
  int status = 0;         // 0: there was no answer, or it was broken off
  uint64_t bytes_up = 0;  // bodies
  uint64_t bytes_down = 0;
};

struct NetCounters {
  // The last exchanges, in the order in which they ended: a timeline.
  static constexpr size_t kMaxRecent = 512;
  std::deque<ExchangeRecord> recent;

  std::map<std::string, CallCounters> calls;  // by kind of call
  uint64_t requests = 0;
  uint64_t bytes_up = 0;            // with request lines and headers
  uint64_t bytes_down = 0;          // with status lines and headers
  uint64_t connections_opened = 0;  // TCP connections
  uint64_t http2_responses = 0;
  uint64_t network_failures = 0;  // exchanges without any answer
  uint64_t retries = 0;           // attempts after a failed one
  uint64_t rate_limited = 0;      // answers that asked us to slow down
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_COUNTERS_H_
