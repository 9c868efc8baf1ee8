// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/sign_in.h"

#include <string>
#include <utility>

namespace driveroot {

Result<Credentials> CredentialsFromReply(const OAuthClient& client,
                                         const TokenReply& reply) {
  if (reply.refresh_token.empty()) {
    return Fail(ErrorCode::kUnauthenticated,
                "Google gave no refresh token: remove driveroot's access at "
                "https://myaccount.google.com/connections and sign in again");
  }
  return Credentials{
      .client = client, .refresh_token = reply.refresh_token, .token_uri = ""};
}

Error SignInRefused(std::string_view name, int status) {
  if (name == "access_denied") {
    return Error(ErrorCode::kPermissionDenied,
                 "the sign-in was declined in the browser; while the project's "
                 "consent screen is in \"Testing\", only its listed test users "
                 "may sign in");
  }
  if (name == "expired_token") {
    return Error(ErrorCode::kUnauthenticated,
                 "nobody signed in before the code expired: run `driveroot "
                 "login` again");
  }
  if (name == "invalid_client" || name == "unauthorized_client") {
    return Error(ErrorCode::kUnauthenticated,
                 "Google does not know this client id and secret for this way "
                 "to sign in: the device flow needs a client of the type \"TVs "
                 "and Limited Input devices\", --loopback one of the type "
                 "\"Desktop app\"");
  }
  std::string message =
      "the sign-in was refused with status " + std::to_string(status);
  if (!name.empty()) message += " (" + std::string(name) + ")";
  return Error(ErrorCode::kUnauthenticated, std::move(message));
}

}  // namespace driveroot
