// SPDX-License-Identifier: Apache-2.0
//
// What `driveroot status` shows of a volume, as JSON and as text.
#ifndef DRIVEROOT_CLI_STATUS_REPORT_H_
#define DRIVEROOT_CLI_STATUS_REPORT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/counters.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// One JSON object; `network` for volumes on Drive, `kernel_requests` as
// RequestCounts() has them for mounted ones.
std::string StatusJson(std::string_view volume, const VolumeStatus& status,
                       const std::optional<NetCounters>& network,
                       std::span<const std::pair<std::string_view, uint64_t>>
                           kernel_requests = {});

// The "status" member of a daemon's answer, as JSON. kDataLoss: it has none.
Result<std::string> StatusMember(const std::string& answer);

// Lines "name: value" of such an object. kDataLoss: it is none.
Result<std::string> StatusText(std::string_view json);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_STATUS_REPORT_H_
