// SPDX-License-Identifier: Apache-2.0
//
// How fast the way to the Drive is, as fakedrive makes it, and what share of it
// a transfer used. Pure functions.
#ifndef DRIVEROOT_TOOLS_BENCH_LINK_H_
#define DRIVEROOT_TOOLS_BENCH_LINK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::bench {

// 0 means no latency and no limit, as in fakedrive's flags of these names.
struct Link {
  std::string name;
  uint64_t read_latency_ms = 0;
  uint64_t write_latency_ms = 0;
  uint64_t bandwidth_mbit = 0;  // in each direction
  uint64_t creates_per_second = 0;
  uint64_t units_per_minute = 0;  // of Google's quota
};

// "loopback", as fast as it can be, or "reference", as the real one was
// measured. kInvalidArgument: neither.
Result<Link> FindLink(const std::string& name);

// For fakedrive's command line, and for its control endpoint.
std::vector<std::string> LinkFlags(const Link& link);
std::string LinkSettings(const Link& link);

// The share of the link's bandwidth that `bytes` of content in `seconds` are, 1
// being all of it. TCP, TLS and HTTP take some on top. Nothing on a link
// without limit.
std::optional<double> LinkShare(const Link& link, uint64_t bytes,
                                double seconds);

}  // namespace driveroot::bench

#endif  // DRIVEROOT_TOOLS_BENCH_LINK_H_
