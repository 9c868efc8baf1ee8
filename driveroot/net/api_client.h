// SPDX-License-Identifier: Apache-2.0
//
// Authorised calls of a Google API: adds the access token, renews it once when
// the server does not take it, turns refusals into failures, and retries.
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_NET_API_CLIENT_H_
#define DRIVEROOT_NET_API_CLIENT_H_

#include <initializer_list>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/token_source.h"
#include "driveroot/net/pacer.h"
#include "driveroot/net/retry.h"

namespace driveroot {

class ApiClient {
 public:
  // All three outlive the client.
  ApiClient(HttpTransport* transport, TokenSource* tokens, Clock* clock,
            RetryLimit limit, RetryObserver observer)
      : transport_(transport),
        tokens_(tokens),
        clock_(clock),
        retrier_(clock, limit, std::move(observer)) {}

  // One attempt. A status outside 2xx that is not among `also_accepted` is a
  // failure. `pacer`, when given, spaces the call out if the server asked for
  // it. `request->bearer` is set for the time of the call.
  Attempt<HttpResponse> Try(HttpRequest* request,
                            std::initializer_list<int> also_accepted = {},
                            Pacer* pacer = nullptr);

  // Try() until it succeeds or the retry policy gives up.
  Result<HttpResponse> Call(HttpRequest request,
                            std::initializer_list<int> also_accepted = {},
                            Pacer* pacer = nullptr);

  const Retrier& retrier() const { return retrier_; }
  Retrier& retrier() { return retrier_; }
  Clock* clock() const { return clock_; }

 private:
  Attempt<HttpResponse> Exchange(HttpRequest* request);

  HttpTransport* transport_;
  TokenSource* tokens_;
  Clock* clock_;
  Retrier retrier_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_API_CLIENT_H_
