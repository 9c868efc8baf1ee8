// SPDX-License-Identifier: Apache-2.0
//
// Signing in with a browser on this machine (RFC 8252): the browser is sent
// back to a port on 127.0.0.1, where this program listens. PKCE (RFC 7636,
// S256) binds the code that comes back to this program, and `state` the browser
// to this sign-in.
//
//   auto flow = LoopbackFlow::Start(client, endpoints);
//   ... show flow->url() ...
//   auto credentials = flow->Finish(context, 10min);
//
// Thread-safety: none; one flow belongs to one thread.
#ifndef DRIVEROOT_NET_OAUTH_LOOPBACK_FLOW_H_
#define DRIVEROOT_NET_OAUTH_LOOPBACK_FLOW_H_

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/sign_in.h"
#include "driveroot/net/secret.h"

namespace driveroot {

// The S256 code challenge for a verifier.
std::string PkceChallenge(std::string_view verifier);

class LoopbackFlow {
 public:
  // Listens on 127.0.0.1, on a port that the kernel picks.
  static Result<LoopbackFlow> Start(const OAuthClient& client,
                                    const Endpoints& endpoints);

  // The address for the user's browser.
  const std::string& url() const { return url_; }

  // Waits for the browser to come back, and exchanges its code.
  //
  // kPermissionDenied: the user declined. kUnavailable: nobody came in time.
  Result<Credentials> Finish(const SignInContext& context,
                             std::chrono::seconds timeout);

 private:
  LoopbackFlow() = default;

  Result<Secret> WaitForCode(std::chrono::seconds timeout) const;
  Result<Credentials> Exchange(const SignInContext& context,
                               const Secret& code) const;

  OAuthClient client_;
  UniqueFd listener_;
  std::string redirect_uri_;
  std::string url_;
  Secret verifier_;
  Secret state_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_LOOPBACK_FLOW_H_
