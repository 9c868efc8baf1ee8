// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/boot_trace.h"

#include "rapidjson/document.h"

namespace driveroot::bench {

Result<uint64_t> BootTraceBytes(const vmtest::PrivateDrive& drive,
                                const std::string& volume) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string json,
                             drive.Driveroot("status", {"--json", volume}));
  rapidjson::Document status;
  status.Parse(json.data(), json.size());
  if (!status.IsObject() || !status.HasMember("boot_trace_bytes") ||
      !status["boot_trace_bytes"].IsUint64()) {
    return Fail(ErrorCode::kDataLoss,
                "driveroot status tells no boot_trace_bytes: " + json);
  }
  return status["boot_trace_bytes"].GetUint64();
}

}  // namespace driveroot::bench
