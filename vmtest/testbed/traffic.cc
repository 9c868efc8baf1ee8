// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/traffic.h"

#include <format>
#include <string_view>

namespace driveroot::vmtest {
namespace {

double Megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

uint64_t Traffic::TotalRequests() const {
  uint64_t total = 0;
  for (const auto& [name, count] : requests) total += count;
  return total;
}

uint64_t Traffic::Requests(const std::string& name) const {
  const auto found = requests.find(name);
  return found == requests.end() ? 0 : found->second;
}

Result<Traffic> ReadTraffic(const fakedrive::FakeDriveProcess& drive) {
  DRIVEROOT_ASSIGN_OR_RETURN(const fakedrive::FakeDriveStats stats,
                             drive.Stats());
  Traffic traffic;
  for (const auto& [name, count] : stats.requests) {
    if (count > 0) traffic.requests[name] = count;
  }
  for (const auto& [name, bytes] : stats.body_bytes_in) {
    traffic.bytes_up += bytes;
  }
  for (const auto& [name, bytes] : stats.body_bytes_out) {
    traffic.bytes_down += bytes;
  }
  return traffic;
}

std::string DescribeTraffic(const Traffic& traffic) {
  std::string text = std::format(
      "{} requests, {:.1f} MB down, {:.1f} MB up", traffic.TotalRequests(),
      Megabytes(traffic.bytes_down), Megabytes(traffic.bytes_up));
  std::string_view separator = " (";
  for (const auto& [name, count] : traffic.requests) {
    text += std::format("{}{} {}", separator, count, name);
    separator = ", ";
  }
  return traffic.requests.empty() ? text : text + ")";
}

}  // namespace driveroot::vmtest
