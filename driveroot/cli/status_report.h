// SPDX-License-Identifier: Apache-2.0
//
// What `driveroot status` shows of a volume, as JSON and as text.
#ifndef DRIVEROOT_CLI_STATUS_REPORT_H_
#define DRIVEROOT_CLI_STATUS_REPORT_H_

#include <optional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/net/counters.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// One JSON object; `network` for volumes on Drive.
std::string StatusJson(std::string_view volume, const VolumeStatus& status,
                       const std::optional<NetCounters>& network);

// The "status" member of a daemon's answer, as JSON. kDataLoss: it has none.
Result<std::string> StatusMember(const std::string& answer);

// Lines "name: value" of such an object. kDataLoss: it is none.
Result<std::string> StatusText(std::string_view json);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_STATUS_REPORT_H_
