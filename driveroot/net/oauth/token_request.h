// SPDX-License-Identifier: Apache-2.0
//
// The requests that all OAuth flows share: a form sent to a token endpoint,
// and the tokens or the refusal that come back (RFC 6749, section 5).
#ifndef DRIVEROOT_NET_OAUTH_TOKEN_REQUEST_H_
#define DRIVEROOT_NET_OAUTH_TOKEN_REQUEST_H_

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/http.h"
#include "driveroot/net/secret.h"

namespace driveroot {

// What a token endpoint answered with status 200.
struct TokenReply {
  Secret access_token;
  Secret refresh_token;  // empty when none was given
  std::chrono::seconds expires_in{};
};

// Sends a form by POST, once.
Result<HttpResponse> PostForm(
    HttpTransport* transport, std::string_view call, const std::string& url,
    std::initializer_list<std::pair<std::string_view, std::string_view>>
        fields);

// kDataLoss when the answer is no token reply.
Result<TokenReply> ParseTokenReply(const HttpResponse& response);

// The "error" of a refusal, e.g. "invalid_grant"; empty when there is none.
std::string OAuthErrorName(const HttpResponse& response);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_TOKEN_REQUEST_H_
