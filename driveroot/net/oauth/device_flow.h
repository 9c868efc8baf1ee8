// SPDX-License-Identifier: Apache-2.0
//
// Signing in with a second device (RFC 8628): the user opens an address there
// and types a short code, while this program asks the server now and then.
//
//   auto device = StartDeviceFlow(context, client);
//   ... show device->verification_url and device->user_code ...
//   auto credentials = FinishDeviceFlow(context, client, *device);
//
// Thread-safety: none needed; the functions share nothing.
#ifndef DRIVEROOT_NET_OAUTH_DEVICE_FLOW_H_
#define DRIVEROOT_NET_OAUTH_DEVICE_FLOW_H_

#include <chrono>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/sign_in.h"
#include "driveroot/net/secret.h"

namespace driveroot {

struct DeviceAuthorization {
  Secret device_code;
  std::string user_code;         // printable ASCII
  std::string verification_url;  // printable ASCII
  std::chrono::seconds expires_in{};
  std::chrono::seconds interval{};  // between questions
};

Result<DeviceAuthorization> StartDeviceFlow(const SignInContext& context,
                                            const OAuthClient& client);

// Waits until the user has signed in.
//
// kPermissionDenied: the user declined. kUnauthenticated: the code expired.
Result<Credentials> FinishDeviceFlow(const SignInContext& context,
                                     const OAuthClient& client,
                                     const DeviceAuthorization& device);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_DEVICE_FLOW_H_
