// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/retention_flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

DEFINE_uint32(keep_hours, 24,
              "every state of so many hours can be gone back to");
DEFINE_uint32(keep_days, 7, "before that, one state of each of so many days");
DEFINE_uint32(keep_percent, 300,
              "but what only the past needs takes at most so many percent of "
              "what the present takes, or 512 MiB if that is more: the oldest "
              "states go first; 0: there is no such bound");

namespace driveroot {

RetentionPolicy RetentionFromFlags() {
  // A century is enough, and does not overflow nanoseconds.
  constexpr uint32_t kMaxDays = 36'500;
  return {.records = std::chrono::hours(
              std::min<uint32_t>(FLAGS_keep_hours, 24 * kMaxDays)),
          .days = static_cast<int>(std::min(FLAGS_keep_days, kMaxDays)),
          .past_percent = FLAGS_keep_percent};
}

}  // namespace driveroot
