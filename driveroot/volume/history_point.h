// SPDX-License-Identifier: Apache-2.0
//
// A point in the past of a volume. A value; thread-safe.
#ifndef DRIVEROOT_VOLUME_HISTORY_POINT_H_
#define DRIVEROOT_VOLUME_HISTORY_POINT_H_

#include <cstdint>
#include <variant>

#include "driveroot/volume/delta.h"

namespace driveroot {

// After the log record of this number. 0: as the volume was made.
struct AtRecord {
  uint64_t sequence = 0;
};

// After the last record that was sealed at this time or before it.
struct AtTime {
  TimeNs time = 0;
};

using HistoryPoint = std::variant<AtRecord, AtTime>;

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_HISTORY_POINT_H_
