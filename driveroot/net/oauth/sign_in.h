// SPDX-License-Identifier: Apache-2.0
//
// What both ways to sign in share: where to ask, for what, and the credentials
// that come of it.
#ifndef DRIVEROOT_NET_OAUTH_SIGN_IN_H_
#define DRIVEROOT_NET_OAUTH_SIGN_IN_H_

#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/net/clock.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/token_request.h"
#include "driveroot/net/retry.h"

namespace driveroot {

// Files that this client id made, and nothing else of the user's Drive. The
// device flow permits no more than this.
inline constexpr std::string_view kDriveFileScope =
    "https://www.googleapis.com/auth/drive.file";

// Borrowed; all of it outlives the flow.
struct SignInContext {
  HttpTransport* transport;
  Clock* clock;
  const Retrier* retrier;
  const Endpoints* endpoints;
};

// The credentials from the reply that ends a flow. kUnauthenticated when it
// holds no refresh token.
Result<Credentials> CredentialsFromReply(const OAuthClient& client,
                                         const TokenReply& reply);

// Why a flow's request was refused, as a final error. `name` is the OAuth error
// name, perhaps empty.
Error SignInRefused(std::string_view name, int status);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_SIGN_IN_H_
