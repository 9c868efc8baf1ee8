// SPDX-License-Identifier: Apache-2.0
//
// What a probe found out about the way to the store, and about the time: each
// probe is a process (main.cc), which tells init by KEY=VALUE lines.
//
// Pure functions: safe from any thread.
#ifndef INITRD_PROBE_REPORT_H_
#define INITRD_PROBE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// Seconds since 1970.
struct ProbeReport {
  // Why the store was not reached over this interface; empty: it was, by TLS,
  // and its certificate is for it and of an authority that we trust.
  std::string error = {};
  int64_t date = 0;         // of its response; 0: it told none
  int64_t valid_from = 0;   // of its certificate and all above: the latest
  int64_t valid_until = 0;  // the earliest

  bool operator==(const ProbeReport&) const = default;
};

std::string FormatReport(const ProbeReport& report);
// kDataLoss: these are no lines of FormatReport.
Result<ProbeReport> ParseReport(std::string_view text);

// What the clock should show, if it is wrong. `floor` is the day of the image,
// before which it cannot be.
//
// The store's word counts if its certificate is valid at the time that it
// tells. Without a word of it, a certificate that is valid only later shows
// that the clock is behind: an authority signs none before its time.
std::optional<int64_t> MendedTime(int64_t now, int64_t floor,
                                  const ProbeReport& report);

}  // namespace driveroot

#endif  // INITRD_PROBE_REPORT_H_
