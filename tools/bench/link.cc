// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/link.h"

#include <format>

namespace driveroot::bench {

Result<Link> FindLink(const std::string& name) {
  if (name == "loopback") return Link{.name = name};
  if (name == "reference") {
    // What others measured: rclone's and duplicity's forums give 230 ms for a
    // read and 690 ms for a create; rclone's documentation, three creates each
    // second. The quota is that of Google's documentation.
    return Link{.name = name,
                .read_latency_ms = 230,
                .write_latency_ms = 690,
                .bandwidth_mbit = 100,
                .creates_per_second = 3,
                .units_per_minute = 325'000};
  }
  return Fail(ErrorCode::kInvalidArgument,
              "--link is loopback or reference, not " + name);
}

std::vector<std::string> LinkFlags(const Link& link) {
  return {std::format("--read_latency_ms={}", link.read_latency_ms),
          std::format("--write_latency_ms={}", link.write_latency_ms),
          std::format("--bandwidth_mbit={}", link.bandwidth_mbit),
          std::format("--creates_per_second={}", link.creates_per_second),
          std::format("--units_per_minute={}", link.units_per_minute)};
}

std::string LinkSettings(const Link& link) {
  return std::format(
      R"({{"read_latency_ms":{},"write_latency_ms":{},"bandwidth_mbit":{},)"
      R"("creates_per_second":{},"units_per_minute":{}}})",
      link.read_latency_ms, link.write_latency_ms, link.bandwidth_mbit,
      link.creates_per_second, link.units_per_minute);
}

std::optional<double> LinkShare(const Link& link, uint64_t bytes,
                                double seconds) {
  if (link.bandwidth_mbit == 0 || seconds <= 0) return std::nullopt;
  const double bits = static_cast<double>(bytes) * 8;
  return bits / (static_cast<double>(link.bandwidth_mbit) * 1e6) / seconds;
}

}  // namespace driveroot::bench
