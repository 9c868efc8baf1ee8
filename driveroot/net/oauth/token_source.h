// SPDX-License-Identifier: Apache-2.0
//
// Access tokens for a Google account, renewed from its refresh token shortly
// before they expire. Any number of threads that need a new one at the same
// time cause one request.
//
// Credentials that were refused are not the end: once `newer` has others, as
// after `driveroot login`, these are used. Until then Get() fails without a
// request, but for one now and then, since what Google refuses it may take
// again.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_OAUTH_TOKEN_SOURCE_H_
#define DRIVEROOT_NET_OAUTH_TOKEN_SOURCE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
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
  // What takes the place of the credentials, if they were replaced since the
  // last call. Called by one thread at a time, and cheap.
  using NewerCredentials = std::function<std::optional<Credentials>()>;

  // `transport` and `clock` outlive the source. Tokens come from
  // `credentials.token_uri`, or from `token_url` when that is empty.
  TokenSource(HttpTransport* transport, Clock* clock, Credentials credentials,
              const std::string& token_url, NewerCredentials newer = nullptr);

  // The access token to use now; at most one request, without retries.
  //
  // kUnauthenticated: the refresh token, or the client, is no longer good
  // (RetryClass::kSignIn).
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
  Attempt<Grant> Ask();

  HttpTransport* const transport_;
  Clock* const clock_;
  const std::string default_token_url_;
  const NewerCredentials newer_;

  // Of the thread that has set refreshing_.
  Credentials credentials_;
  std::optional<AttemptFailure> refused_;  // these credentials
  Clock::TimePoint ask_again_at_{};

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
