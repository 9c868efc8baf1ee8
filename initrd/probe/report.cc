// SPDX-License-Identifier: Apache-2.0
#include "initrd/probe/report.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <format>

namespace driveroot {
namespace {

// What a clock may be off without harm; the root's own programs see to the
// rest.
constexpr int64_t kTolerance = 60;

}  // namespace

std::string FormatReport(const ProbeReport& report) {
  std::string error = report.error;
  std::ranges::replace(error, '\n', ' ');
  return std::format("error={}\ndate={}\nvalid_from={}\nvalid_until={}\n",
                     error, report.date, report.valid_from, report.valid_until);
}

Result<ProbeReport> ParseReport(std::string_view text) {
  const auto refuse = [] {
    return Fail(ErrorCode::kDataLoss, "the probe of the network has no report");
  };
  ProbeReport report;
  int found = 0;
  for (; !text.empty(); ++found) {
    const size_t end = text.find('\n');
    if (end == text.npos) return refuse();
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t equals = line.find('=');
    if (equals == line.npos) return refuse();
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "error") {
      report.error = value;
      continue;
    }
    int64_t* const number = key == "date"          ? &report.date
                            : key == "valid_from"  ? &report.valid_from
                            : key == "valid_until" ? &report.valid_until
                                                   : nullptr;
    if (number == nullptr) return refuse();
    const auto [last, failure] =
        std::from_chars(value.data(), value.data() + value.size(), *number);
    if (failure != std::errc() || last != value.data() + value.size()) {
      return refuse();
    }
  }
  if (found != 4) return refuse();
  return report;
}

std::optional<int64_t> MendedTime(int64_t now, int64_t floor,
                                  const ProbeReport& report) {
  if (!report.error.empty()) return std::nullopt;
  const int64_t from = std::max(floor, report.valid_from);
  const int64_t time = report.date != 0 ? report.date : std::max(now, from);
  if (time < from || time > report.valid_until) return std::nullopt;
  if (now >= time - kTolerance && now <= time + kTolerance) return std::nullopt;
  return time;
}

}  // namespace driveroot
