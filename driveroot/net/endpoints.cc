// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/endpoints.h"

#include <optional>

#include "driveroot/net/url.h"

namespace driveroot {

Result<Endpoints> MakeEndpoints(std::string_view drive_endpoint) {
  if (drive_endpoint.empty()) {
    return Endpoints{
        .token = "https://oauth2.googleapis.com/token",
        .device_code = "https://oauth2.googleapis.com/device/code",
        .authorization = "https://accounts.google.com/o/oauth2/v2/auth",
        .drive = "https://www.googleapis.com/drive/v3",
        .upload = "https://www.googleapis.com/upload/drive/v3",
    };
  }
  const std::optional<UrlParts> parts = ParseUrl(drive_endpoint);
  if (!parts || parts->scheme != "https" ||
      drive_endpoint.find_first_of("?#") != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument,
                "--drive_endpoint=" + std::string(drive_endpoint) +
                    " is not an https:// address such as "
                    "https://127.0.0.1:8443");
  }
  while (drive_endpoint.ends_with('/')) drive_endpoint.remove_suffix(1);
  const std::string base(drive_endpoint);
  return Endpoints{
      .token = base + "/token",
      .device_code = base + "/device/code",
      .authorization = base + "/o/oauth2/v2/auth",
      .drive = base + "/drive/v3",
      .upload = base + "/upload/drive/v3",
  };
}

}  // namespace driveroot
