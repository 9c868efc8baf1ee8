// SPDX-License-Identifier: Apache-2.0
//
// The file that lets driveroot into a Google account, JSON with mode 0600:
//
//   {"client_id": "…", "client_secret": "…", "refresh_token": "…"}
//
// and optionally "token_uri". `driveroot login` writes it.
#ifndef DRIVEROOT_NET_OAUTH_CREDENTIALS_H_
#define DRIVEROOT_NET_OAUTH_CREDENTIALS_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/net/secret.h"

namespace driveroot {

// The application, as registered in the Google Cloud console.
struct OAuthClient {
  std::string id;
  Secret secret;
};

struct Credentials {
  OAuthClient client;
  Secret refresh_token;
  std::string token_uri;  // empty: that of the endpoints
};

// $XDG_CONFIG_HOME/driveroot/credentials.json, or the same under ~/.config.
// kNotFound when neither variable is set.
Result<std::string> DefaultCredentialsPath();

// Parses the text of a credentials file; `name` is for messages.
//
// kInvalidArgument: not JSON, or a member is missing.
Result<Credentials> ParseCredentials(std::string_view text,
                                     std::string_view name);

// Parses the text of a client file: the credentials without a refresh token,
// or what the Google Cloud console gives for download.
Result<OAuthClient> ParseOAuthClient(std::string_view text,
                                     std::string_view name);

// Reads a credentials file.
//
// kNotFound: there is none. kPermissionDenied: others may read or write it.
Result<Credentials> LoadCredentials(const std::string& path);

// Writes the file with mode 0600, whole or not at all, and makes its folder
// (0700) when that is missing.
Status SaveCredentials(const std::string& path, const Credentials& credentials);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_CREDENTIALS_H_
