// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/token_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "driveroot/net/oauth/token_request.h"

namespace driveroot {
namespace {

// Renewed this long before the end, so that no request meets it on its way; a
// short-lived token when a fifth of its life is left.
constexpr std::chrono::seconds kAhead{300};
// Between attempts to renew a token that is still good.
constexpr std::chrono::seconds kAfterFailure{30};
// While credentials are refused: between looks for newer ones, and between
// questions whether the same are taken again.
constexpr std::chrono::seconds kLookAgain{2};
constexpr std::chrono::seconds kAskAgain{60};

AttemptFailure RefusedRefresh(const HttpResponse& response) {
  const std::string name = OAuthErrorName(response);
  const RetryClass retry = ClassifyStatus(response.status, name);
  if (retry != RetryClass::kNever) {
    return {.error = Error(ErrorCode::kUnavailable,
                           "the token server answered with status " +
                               std::to_string(response.status)),
            .retry = retry,
            .retry_after = response.retry_after,
            .http_status = response.status};
  }
  std::string message;
  if (name == "invalid_grant") {
    message =
        "the credentials have expired or were revoked (Google drops a refresh "
        "token that is revoked, not used for 6 months, or older than 7 days "
        "while the project's consent screen is in \"Testing\"): run "
        "`driveroot login`";
  } else if (name == "invalid_client" || name == "unauthorized_client") {
    message =
        "Google does not know the client id and secret in the credentials: "
        "compare them with the Google Cloud console, then run `driveroot "
        "login`";
  } else {
    message = "the token server refused the credentials with status " +
              std::to_string(response.status) +
              (name.empty() ? "" : " (" + name + ")") +
              ": run `driveroot login`";
  }
  return {.error = Error(ErrorCode::kUnauthenticated, std::move(message)),
          .retry = RetryClass::kSignIn,
          .retry_after = kLookAgain,
          .http_status = response.status};
}

}  // namespace

TokenSource::TokenSource(HttpTransport* transport, Clock* clock,
                         Credentials credentials, const std::string& token_url,
                         NewerCredentials newer)
    : transport_(transport),
      clock_(clock),
      default_token_url_(token_url),
      newer_(std::move(newer)),
      credentials_(std::move(credentials)) {}

Attempt<TokenSource::Grant> TokenSource::Refresh() {
  std::optional<Credentials> newer;
  if (newer_ != nullptr) newer = newer_();
  if (newer) {
    credentials_ = *std::move(newer);
    refused_.reset();
  }
  if (refused_ && clock_->Now() < ask_again_at_) {
    return std::unexpected(*refused_);
  }
  Attempt<Grant> grant = Ask();
  refused_.reset();
  if (!grant && grant.error().retry == RetryClass::kSignIn) {
    refused_ = grant.error();
    ask_again_at_ = clock_->Now() + kAskAgain;
  }
  return grant;
}

Attempt<TokenSource::Grant> TokenSource::Ask() {
  const std::string& token_url = credentials_.token_uri.empty()
                                     ? default_token_url_
                                     : credentials_.token_uri;
  const Clock::TimePoint asked = clock_->Now();
  Result<HttpResponse> response =
      PostForm(transport_, "oauth.token", token_url,
               {{"client_id", credentials_.client.id},
                {"client_secret", credentials_.client.secret.reveal()},
                {"refresh_token", credentials_.refresh_token.reveal()},
                {"grant_type", "refresh_token"}});
  if (!response) {
    return std::unexpected(
        AttemptFailure::FromTransport(std::move(response).error()));
  }
  if (response->status != 200) {
    return std::unexpected(RefusedRefresh(*response));
  }
  Result<TokenReply> reply = ParseTokenReply(*response);
  WipeText(&response->body);
  if (!reply) {
    // Garbled on the way, or by a server in trouble.
    return std::unexpected(AttemptFailure::FromTransport(
        Error(ErrorCode::kUnavailable, reply.error().message())));
  }
  return Grant{
      .token = std::make_shared<const Secret>(std::move(reply->access_token)),
      .renew_at =
          asked + reply->expires_in - std::min(kAhead, reply->expires_in / 5),
      .expires = asked + reply->expires_in};
}

Attempt<std::shared_ptr<const Secret>> TokenSource::Get() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Clock::TimePoint now = clock_->Now();
    if (token_ != nullptr && now < renew_at_) return token_;
    if (!refreshing_) break;
    // Good for some time still: somebody else sees to the next one.
    if (token_ != nullptr && now < expires_) return token_;
    const uint64_t round = rounds_;
    refreshed_.wait(lock, [&] { return rounds_ != round; });
    if (last_failure_) return std::unexpected(*last_failure_);
  }

  refreshing_ = true;
  lock.unlock();
  Attempt<Grant> grant = Refresh();
  lock.lock();
  refreshing_ = false;
  ++rounds_;
  last_failure_.reset();
  if (grant) {
    token_ = grant->token;
    renew_at_ = grant->renew_at;
    expires_ = grant->expires;
  } else if (const Clock::TimePoint now = clock_->Now();
             token_ == nullptr || now >= expires_ ||
             grant.error().retry == RetryClass::kNever ||
             grant.error().retry == RetryClass::kSignIn) {
    last_failure_ = grant.error();
  } else {
    renew_at_ = now + kAfterFailure;
  }
  refreshed_.notify_all();
  if (last_failure_) return std::unexpected(*last_failure_);
  return token_;
}

void TokenSource::Invalidate(const Secret& token) {
  std::lock_guard lock(mutex_);
  if (token_ != nullptr && *token_ == token) token_ = nullptr;
}

}  // namespace driveroot
