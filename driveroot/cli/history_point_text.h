// SPDX-License-Identifier: Apache-2.0
//
// Points of a volume's past as users write them, and times as they are shown:
//
//   1234                    after that record
//   2026-03-01T12:30:00Z    at that time; the seconds may be left out, a space
//                           may stand for the T, and without Z it is local time
//   90m                     so long ago; s, m, h and d are known
//
// Thread-safe.
#ifndef DRIVEROOT_CLI_HISTORY_POINT_TEXT_H_
#define DRIVEROOT_CLI_HISTORY_POINT_TEXT_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/history_point.h"

namespace driveroot {

// kInvalidArgument, with the forms in its message.
Result<HistoryPoint> ParseHistoryPoint(std::string_view text, TimeNs now);

// "2026-03-01T12:30:00Z".
std::string FormatTime(TimeNs time);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_HISTORY_POINT_TEXT_H_
