// SPDX-License-Identifier: Apache-2.0
//
// What the network layer has done since it was made, for `status --json`, the
// benchmarks and the tests. A plain copy: no lock is held on it.
#ifndef DRIVEROOT_NET_COUNTERS_H_
#define DRIVEROOT_NET_COUNTERS_H_

#include <cstdint>
#include <map>
#include <string>

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

struct NetCounters {
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
