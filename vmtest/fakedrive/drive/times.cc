// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/times.h"

#include <chrono>
#include <cstdio>

namespace driveroot::fakedrive {
namespace {

// Takes exactly `digits` decimal digits off the front of `text`.
std::optional<int> TakeNumber(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view* text, char wanted) {
  if (!text->starts_with(wanted)) return false;
  text->remove_prefix(1);
  return true;
}

// "Z", "+hh:mm", "-hh:mm" or nothing; in minutes.
std::optional<int> TakeOffset(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  if (text.front() != '-' && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = TakeNumber(&text, 2);
  if (!hours || *hours > 23 || !TakeChar(&text, ':')) return std::nullopt;
  const auto minutes = TakeNumber(&text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

}  // namespace

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string FormatTime(int64_t ms) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> time{milliseconds(ms)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  const auto year = TakeNumber(&text, 4);
  if (!year || !TakeChar(&text, '-')) return std::nullopt;
  const auto month = TakeNumber(&text, 2);
  if (!month || !TakeChar(&text, '-')) return std::nullopt;
  const auto day = TakeNumber(&text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(*month)),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const int64_t day_ms =
      std::chrono::sys_days(date).time_since_epoch().count() *
      int64_t{86'400'000};
  if (text.empty()) return day_ms;

  if (!TakeChar(&text, 'T') && !TakeChar(&text, 't')) return std::nullopt;
  const auto hours = TakeNumber(&text, 2);
  if (!hours || *hours > 23 || !TakeChar(&text, ':')) return std::nullopt;
  const auto minutes = TakeNumber(&text, 2);
  if (!minutes || *minutes > 59 || !TakeChar(&text, ':')) return std::nullopt;
  const auto seconds = TakeNumber(&text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  int fraction = 0;
  if (TakeChar(&text, '.')) {
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9';
         text.remove_prefix(1), ++digits) {
      if (digits < 3) fraction = fraction * 10 + (text.front() - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) fraction *= 10;
  }
  const auto offset = TakeOffset(text);
  if (!offset) return std::nullopt;
  const int64_t total_minutes = *hours * 60 + *minutes - *offset;
  return day_ms + (total_minutes * 60 + *seconds) * 1000 + fraction;
}

}  // namespace driveroot::fakedrive
