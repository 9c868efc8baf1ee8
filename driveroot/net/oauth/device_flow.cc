// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/device_flow.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "driveroot/net/json.h"
#include "driveroot/net/oauth/token_request.h"
#include "driveroot/net/retry.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

constexpr std::string_view kGrantType =
    "urn:ietf:params:oauth:grant-type:device_code";
constexpr uint64_t kLongestExpirySeconds = 3600;
constexpr uint64_t kLongestIntervalSeconds = 60;
// RFC 8628, section 3.2: 5 s unless told otherwise; 3.5: slow_down adds 5 s.
constexpr uint64_t kDefaultIntervalSeconds = 5;
constexpr seconds kSlowDown{5};

// Shown on a terminal: nothing that could steer it.
bool IsPrintable(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

Result<DeviceAuthorization> ParseDeviceAuthorization(std::string_view body) {
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             ParseJsonObject(body, "the device code's answer"));
  const std::string_view device =
      JsonString(document, "device_code").value_or("");
  const std::string_view user = JsonString(document, "user_code").value_or("");
  // Google's own name, and that of the RFC.
  std::string_view url = JsonString(document, "verification_url").value_or("");
  if (url.empty()) url = JsonString(document, "verification_uri").value_or("");
  const std::optional<uint64_t> expires = JsonUint64(document, "expires_in");
  if (device.empty() || !IsPrintable(user) || !IsPrintable(url) || !expires) {
    return Fail(ErrorCode::kDataLoss, "the device code's answer is not usable");
  }
  const uint64_t interval =
      JsonUint64(document, "interval").value_or(kDefaultIntervalSeconds);
  return DeviceAuthorization{
      .device_code = Secret(device),
      .user_code = std::string(user),
      .verification_url = std::string(url),
      .expires_in = seconds(std::min(*expires, kLongestExpirySeconds)),
      .interval = seconds(std::min(interval, kLongestIntervalSeconds))};
}

}  // namespace

Result<DeviceAuthorization> StartDeviceFlow(const SignInContext& context,
                                            const OAuthClient& client) {
  return context.retrier->Run(
      "oauth.device", [&](Backoff&) -> Attempt<DeviceAuthorization> {
        Result<HttpResponse> response = PostForm(
            context.transport, "oauth.device", context.endpoints->device_code,
            {{"client_id", client.id}, {"scope", kDriveFileScope}});
        if (!response) {
          return std::unexpected(
              AttemptFailure::FromTransport(response.error()));
        }
        const std::string name = OAuthErrorName(*response);
        if (response->status != 200) {
          return std::unexpected(
              AttemptFailure{.error = SignInRefused(name, response->status),
                             .retry = ClassifyStatus(response->status, name),
                             .retry_after = response->retry_after,
                             .http_status = response->status});
        }
        Result<DeviceAuthorization> device =
            ParseDeviceAuthorization(response->body);
        if (!device) {
          return std::unexpected(AttemptFailure::FromTransport(device.error()));
        }
        return *std::move(device);
      });
}

Result<Credentials> FinishDeviceFlow(const SignInContext& context,
                                     const OAuthClient& client,
                                     const DeviceAuthorization& device) {
  const Clock::TimePoint deadline = context.clock->Now() + device.expires_in;
  seconds interval = device.interval;
  while (context.clock->Now() < deadline) {
    DRIVEROOT_RETURN_IF_ERROR(context.clock->Sleep(interval));
    Result<HttpResponse> response =
        PostForm(context.transport, "oauth.token", context.endpoints->token,
                 {{"client_id", client.id},
                  {"client_secret", client.secret.reveal()},
                  {"device_code", device.device_code.reveal()},
                  {"grant_type", kGrantType}});
    if (!response) {
      // The user may take minutes anyway: a bad line is one more wait.
      if (response.error().retryable()) continue;
      return std::unexpected(response.error());
    }
    if (response->status == 200) {
      DRIVEROOT_ASSIGN_OR_RETURN(const TokenReply reply,
                                 ParseTokenReply(*response));
      return CredentialsFromReply(client, reply);
    }
    const std::string name = OAuthErrorName(*response);
    if (name == "slow_down") {
      interval += kSlowDown;
    } else if (name != "authorization_pending" &&
               ClassifyStatus(response->status, name) == RetryClass::kNever) {
      return std::unexpected(SignInRefused(name, response->status));
    }
  }
  return std::unexpected(SignInRefused("expired_token", 0));
}

}  // namespace driveroot
