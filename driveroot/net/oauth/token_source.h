// SPDX-License-Identifier: Apache-2.0
//
// Access tokens for a Google account, renewed from its refresh token shortly
// before they expire. Any number of threads that need a new one at the same
// time cause one request.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_OAUTH_TOKEN_SOURCE_H_
#define DRIVEROOT_NET_OAUTH_TOKEN_SOURCE_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "driveroot/net/clock.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/secret.h"

namespace driveroot {

class TokenSource {
 public:
  // `transport` and `clock` outlive the source. Tokens come from
  // `credentials.token_uri`, or from `token_url` when that is empty.
  TokenSource(HttpTransport* transport, Clock* clock, Credentials credentials,
              const std::string& token_url);

  // The access token to use now; at most one request, without retries.
  //
  // kUnauthenticated: the refresh token, or the client, is no longer good.
  Attempt<std::shared_ptr<const Secret>> Get();

  // The server refused `token`: the next Get() renews it, unless somebody has
  // done so in the meantime.
  void Invalidate(const Secret& token);

 private:
  using Token = std::shared_ptr<const Secret>;

  struct Grant {
    Token token;
    Clock::TimePoint renew_at;
    Clock::TimePoint expires;
  };
  Attempt<Grant> Refresh();

  HttpTransport* transport_;
  Clock* clock_;
  Credentials credentials_;
  std::string token_url_;

  // No lock is held while a request is under way.
  std::mutex mutex_;
  std::condition_variable refreshed_;
  bool refreshing_ = false;
  uint64_t rounds_ = 0;                         // refreshes that have ended
  std::optional<AttemptFailure> last_failure_;  // of the last one
  Token token_;
  Clock::TimePoint renew_at_{};
  Clock::TimePoint expires_{};
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_TOKEN_SOURCE_H_
