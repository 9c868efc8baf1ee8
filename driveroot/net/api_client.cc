// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/api_client.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "driveroot/net/google_error.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

constexpr int kUnauthorized = 401;

}  // namespace

Attempt<HttpResponse> ApiClient::Exchange(HttpRequest* request) {
  for (bool renewed = false;; renewed = true) {
    Attempt<std::shared_ptr<const Secret>> token = tokens_->Get();
    if (!token) return std::unexpected(std::move(token).error());
    request->bearer = token->get();
    Result<HttpResponse> response = transport_->Perform(*request);
    request->bearer = nullptr;
    if (!response) {
      return std::unexpected(
          AttemptFailure::FromTransport(std::move(response).error()));
    }
    if (response->status != kUnauthorized || renewed) {
      return *std::move(response);
    }
    tokens_->Invalidate(**token);
  }
}

Attempt<HttpResponse> ApiClient::Try(HttpRequest* request,
                                     std::initializer_list<int> also_accepted,
                                     Pacer* pacer) {
  if (pacer != nullptr) {
    const Clock::Duration wait = pacer->Take(clock_->Now());
    if (wait > Clock::Duration(0)) {
      if (Status slept = clock_->Sleep(wait); !slept) {
        return std::unexpected(AttemptFailure::FromTransport(slept.error()));
      }
    }
  }
  Attempt<HttpResponse> response = Exchange(request);
  if (!response) {
    // The connection may be dead without the kernel knowing it yet.
    request->fresh_connection = true;
    return response;
  }
  const int status = response->status;
  if ((status >= 200 && status < 300) ||
      std::ranges::find(also_accepted, status) != also_accepted.end()) {
    return response;
  }
  AttemptFailure failure = FailureFromResponse(request->call, *response);
  if (failure.retry == RetryClass::kRateLimit && pacer != nullptr) {
    pacer->SlowDown(clock_->Now());
  }
  return std::unexpected(std::move(failure));
}

Result<HttpResponse> ApiClient::Call(HttpRequest request,
                                     std::initializer_list<int> also_accepted,
                                     Pacer* pacer) {
  return retrier_.Run(request.call, [&](Backoff&) {
    return Try(&request, also_accepted, pacer);
  });
}

}  // namespace driveroot
