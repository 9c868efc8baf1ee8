// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/history_point_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <optional>
#include <system_error>

namespace driveroot {
namespace {

constexpr TimeNs kNsPerSecond = 1'000'000'000;

// Far more than a volume lasts, and little enough not to overflow.
constexpr int64_t kMaxAgo = 100'000'000;

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

int64_t SecondsOf(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

std::optional<TimeNs> ParseAgo(std::string_view text, TimeNs now) {
  if (text.empty()) return std::nullopt;
  const int64_t unit = SecondsOf(text.back());
  const std::optional<int64_t> count =
      ParseNumber(text.substr(0, text.size() - 1));
  if (unit == 0 || !count || *count < 0 || *count > kMaxAgo / unit) {
    return std::nullopt;
  }
  return now - *count * unit * kNsPerSecond;
}

std::optional<TimeNs> ParseDate(std::string text) {
  const bool is_utc = text.ends_with('Z');
  if (is_utc) text.pop_back();
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                             "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    tm parts = {};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    parts.tm_isdst = -1;
    const time_t seconds = is_utc ? timegm(&parts) : mktime(&parts);
    return static_cast<TimeNs>(seconds) * kNsPerSecond;
  }
  return std::nullopt;
}

}  // namespace

Result<HistoryPoint> ParseHistoryPoint(std::string_view text, TimeNs now) {
  const std::optional<int64_t> number = ParseNumber(text);
  if (number && *number >= 0) {
    return AtRecord{.sequence = static_cast<uint64_t>(*number)};
  }
  if (const std::optional<TimeNs> time = ParseAgo(text, now)) {
    return AtTime{.time = *time};
  }
  // Records of the second that is named count in.
  if (const std::optional<TimeNs> time = ParseDate(std::string(text))) {
    return AtTime{.time = *time + kNsPerSecond - 1};
  }
  return Fail(ErrorCode::kInvalidArgument,
              "\"" + std::string(text) +
                  "\" is no point of the past: give the number of a record, a "
                  "time like 2026-03-01T12:30:00Z or 2026-03-01 12:30, or an "
                  "age like 90m, 2h or 1d");
}

std::string FormatTime(TimeNs time) {
  const time_t seconds = time / kNsPerSecond;
  tm parts = {};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text = {};
  strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace driveroot
