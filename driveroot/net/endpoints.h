// SPDX-License-Identifier: Apache-2.0
//
// Where Google's services are: the real hosts, or all of them under the one
// address that --drive_endpoint gives (fakedrive).
#ifndef DRIVEROOT_NET_ENDPOINTS_H_
#define DRIVEROOT_NET_ENDPOINTS_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

struct Endpoints {
  std::string token;          // POST: OAuth tokens
  std::string device_code;    // POST: starts the device flow
  std::string authorization;  // opened in a browser
  std::string drive;          // ".../drive/v3"
  std::string upload;         // ".../upload/drive/v3"
};

// For an empty `drive_endpoint`, Google's own. kInvalidArgument when it is not
// an https:// address.
Result<Endpoints> MakeEndpoints(std::string_view drive_endpoint);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_ENDPOINTS_H_
