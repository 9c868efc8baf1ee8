// SPDX-License-Identifier: Apache-2.0
//
// Drive's times: milliseconds since 1970 in UTC, written as RFC 3339.
#ifndef VMTEST_FAKEDRIVE_DRIVE_TIMES_H_
#define VMTEST_FAKEDRIVE_DRIVE_TIMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace driveroot::fakedrive {

int64_t NowMs();

// "2026-11-23T23:30:30.123Z"
std::string FormatTime(int64_t ms);

// Accepts fractions of any length (cut to milliseconds), "Z" and offsets, and,
// as Drive's query language does, a missing offset (UTC) and a bare date.
std::optional<int64_t> ParseTime(std::string_view text);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_TIMES_H_
