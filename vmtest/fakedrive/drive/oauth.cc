// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/oauth.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "driveroot/base/base64.h"
#include "vmtest/fakedrive/drive/secrets.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

constexpr std::string_view kDeviceGrant =
    "urn:ietf:params:oauth:grant-type:device_code";
constexpr std::string_view kScope =
    "https://www.googleapis.com/auth/drive.file";
constexpr int64_t kDeviceLifetimeS = 1800;
constexpr int64_t kCodeLifetimeS = 600;
constexpr uint64_t kMaxFormBytes = 65536;
// Enough for tests; keeps a loop of requests from filling memory.
constexpr size_t kMaxPending = 1000;

Response OAuthError(int status, std::string_view error,
                    std::string_view description) {
  rapidjson::Document document;
  JsonObject object(document.GetAllocator());
  object.Set("error", error).Set("error_description", description);
  return TextResponse(status, kJsonType, JsonText(object.Take()));
}

Response MissingParameter(std::string_view name) {
  return OAuthError(400, "invalid_request",
                    "Missing required parameter: " + std::string(name));
}

std::optional<std::map<std::string, std::string>> FormOf(const Call& call) {
  const auto text = call.exchange.body().ReadAll(kMaxFormBytes);
  if (!text) return std::nullopt;
  const auto pairs = ParseForm(*text);
  if (!pairs) return std::nullopt;
  return std::map<std::string, std::string>(pairs->begin(), pairs->end());
}

std::string Value(const std::map<std::string, std::string>& form,
                  const std::string& name) {
  const auto found = form.find(name);
  return found == form.end() ? "" : found->second;
}

// Desktop clients get their code at a loopback address, at any port.
bool IsLoopback(std::string_view uri) {
  for (const std::string_view host :
       {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (!uri.starts_with(host)) continue;
    const std::string_view rest = uri.substr(host.size());
    if (rest.empty() || rest.front() == ':' || rest.front() == '/')
      return uri.find_first_of("#\r\n@\\") == std::string_view::npos;
  }
  return false;
}

}  // namespace

std::string OAuth::NewAccessToken() const {
  const int64_t expires_ms =
      NowMs() + static_cast<int64_t>(world_.settings->token_lifetime_s) * 1000;
  const std::string text = std::to_string(world_.account->access_generation()) +
                           "." + std::to_string(expires_ms) + "." +
                           RandomBytes(12);
  return "ya29." + world_.account->sealer().Seal("access", text);
}

bool OAuth::IsGoodAccessToken(std::string_view token) const {
  constexpr std::string_view kPrefix = "ya29.";
  if (!token.starts_with(kPrefix)) return false;
  const auto text =
      world_.account->sealer().Open("access", token.substr(kPrefix.size()));
  if (!text) return false;
  const size_t first = text->find('.');
  const size_t second = text->find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos) return false;
  const auto generation = ParseDecimal(text->substr(0, first));
  const auto expires =
      ParseDecimal(text->substr(first + 1, second - first - 1));
  return generation == world_.account->access_generation() && expires &&
         NowMs() < static_cast<int64_t>(*expires);
}

ApiResult<void> OAuth::Authorize(const Call& call) const {
  ApiError error;
  error.status = 401;
  error.location = "Authorization";
  error.location_type = "header";
  const std::string* header =
      call.exchange.head().headers.Find("authorization");
  const std::string* parameter = call.target.Parameter("access_token");
  std::string token;
  constexpr std::string_view kScheme = "bearer ";
  if (header != nullptr &&
      AsciiLower(header->substr(0, kScheme.size())) == kScheme) {
    token = header->substr(kScheme.size());
  } else if (header == nullptr && parameter != nullptr) {
    token = *parameter;
  } else if (header == nullptr) {
    error.reason = "required";
    error.message = "Login Required.";
    error.headers.Add("www-authenticate",
                      "Bearer realm=\"https://accounts.google.com/\"");
    return std::unexpected(std::move(error));
  }
  if (IsGoodAccessToken(token)) return {};
  error.reason = "authError";
  error.message = "Invalid Credentials";
  error.headers.Add("www-authenticate",
                    "Bearer realm=\"https://accounts.google.com/\", "
                    "error=\"invalid_token\"");
  return std::unexpected(std::move(error));
}

Response OAuth::Grant(bool with_refresh_token) {
  rapidjson::Document document;
  JsonObject object(document.GetAllocator());
  object.Set("access_token", std::string_view(NewAccessToken()))
      .Set("expires_in", world_.settings->token_lifetime_s)
      .Set("scope", kScope)
      .Set("token_type", "Bearer");
  if (with_refresh_token) {
    const auto token = world_.account->AddRefreshToken();
    if (!token)
      return OAuthError(500, "internal_failure", token.error().message());
    object.Set("refresh_token", std::string_view(*token));
  }
  return TextResponse(200, kJsonType, JsonText(object.Take()));
}

Response OAuth::Token(const Call& call) {
  const auto form = FormOf(call);
  if (!form) return OAuthError(400, "invalid_request", "Malformed form.");
  const std::string grant = Value(*form, "grant_type");
  if (grant.empty()) return MissingParameter("grant_type");
  if (Value(*form, "client_id") != world_.account->client_id())
    return OAuthError(401, "invalid_client", "The OAuth client was not found.");
  if (Value(*form, "client_secret") != world_.account->client_secret())
    return OAuthError(401, "invalid_client",
                      "The provided client secret is invalid.");
  if (grant == "refresh_token") return Refresh(*form);
  if (grant == kDeviceGrant) return PollDevice(*form);
  if (grant == "authorization_code") return ExchangeCode(*form);
  return OAuthError(400, "unsupported_grant_type",
                    "Invalid grant_type: " + grant);
}

Response OAuth::Refresh(const Form& form) {
  const std::string token = Value(form, "refresh_token");
  if (token.empty()) return MissingParameter("refresh_token");
  if (!world_.account->HasRefreshToken(token))
    return OAuthError(400, "invalid_grant",
                      "Token has been expired or revoked.");
  return Grant(/*with_refresh_token=*/false);
}

Response OAuth::DeviceCode(const Call& call) {
  const auto form = FormOf(call);
  if (!form) return OAuthError(400, "invalid_request", "Malformed form.");
  if (Value(*form, "client_id") != world_.account->client_id())
    return OAuthError(401, "invalid_client", "The OAuth client was not found.");
  const std::string scope = Value(*form, "scope");
  if (scope.empty()) return MissingParameter("scope");
  // The device flow gives no access to the whole Drive.
  if (scope.find("auth/drive.file") == std::string::npos &&
      scope.find("auth/drive.appdata") == std::string::npos)
    return OAuthError(400, "invalid_scope",
                      "Invalid device flow scope: " + scope);
  if (devices_.size() >= kMaxPending) devices_.clear();
  const std::string code = "AH-" + Base64Url(RandomBytes(48));
  const std::string hex = Hex(RandomBytes(4));
  devices_[code] = {.expires_ms = NowMs() + kDeviceLifetimeS * 1000,
                    .last_poll_ms = 0,
                    .polls_left = world_.settings->device_pending_polls};
  rapidjson::Document document;
  JsonObject object(document.GetAllocator());
  object.Set("device_code", std::string_view(code))
      .Set("user_code", hex.substr(0, 4) + "-" + hex.substr(4))
      .Set("verification_url", "https://www.google.com/device")
      .Set("expires_in", uint64_t{kDeviceLifetimeS})
      .Set("interval", world_.settings->device_interval_s);
  return TextResponse(200, kJsonType, JsonText(object.Take()));
}

Response OAuth::PollDevice(const Form& form) {
  const auto found = devices_.find(Value(form, "device_code"));
  if (found == devices_.end())
    return OAuthError(400, "invalid_grant", "Malformed device_code.");
  Device& device = found->second;
  const int64_t now = NowMs();
  if (now >= device.expires_ms) {
    devices_.erase(found);
    return OAuthError(400, "expired_token", "The device_code has expired.");
  }
  const int64_t since = now - std::exchange(device.last_poll_ms, now);
  if (since < static_cast<int64_t>(world_.settings->device_interval_s) * 1000)
    return OAuthError(403, "slow_down", "Polling too frequently.");
  if (user_denies_) {
    devices_.erase(found);
    return OAuthError(403, "access_denied", "Forbidden");
  }
  if (device.polls_left > 0) {
    --device.polls_left;
    return OAuthError(428, "authorization_pending", "Precondition Required");
  }
  devices_.erase(found);
  return Grant(/*with_refresh_token=*/true);
}

Response OAuth::Consent(const Call& call) {
  const auto parameter = [&](std::string_view name) {
    const std::string* value = call.target.Parameter(name);
    return value != nullptr ? *value : std::string();
  };
  const auto refuse = [](std::string_view why) {
    return TextResponse(400, "text/plain; charset=utf-8",
                        "Error 400: " + std::string(why) + "\n");
  };
  const std::string redirect = parameter("redirect_uri");
  const std::string challenge = parameter("code_challenge");
  if (parameter("client_id") != world_.account->client_id())
    return refuse("invalid_client: the OAuth client was not found.");
  if (!IsLoopback(redirect)) return refuse("redirect_uri_mismatch");
  if (parameter("response_type") != "code")
    return refuse("unsupported_response_type");
  if (parameter("scope").empty())
    return refuse("invalid_request: missing required parameter: scope");
  if (!challenge.empty() && parameter("code_challenge_method") != "S256")
    return refuse("invalid_request: code_challenge_method must be S256");

  std::string location = redirect;
  location += redirect.find('?') == std::string::npos ? '?' : '&';
  if (user_denies_) {
    location += "error=access_denied";
  } else {
    if (codes_.size() >= kMaxPending) codes_.clear();
    const std::string code = "4/0A" + Base64Url(RandomBytes(48));
    codes_[code] = {.expires_ms = NowMs() + kCodeLifetimeS * 1000,
                    .redirect_uri = redirect,
                    .challenge = challenge};
    location +=
        "code=" + PercentEncode(code) + "&scope=" + PercentEncode(kScope);
  }
  if (const std::string state = parameter("state"); !state.empty())
    location += "&state=" + PercentEncode(state);
  Response response = TextResponse(302, "text/html; charset=utf-8", "");
  response.headers.Add("location", location);
  return response;
}

Response OAuth::ExchangeCode(const Form& form) {
  const auto found = codes_.find(Value(form, "code"));
  if (found == codes_.end())
    return OAuthError(400, "invalid_grant", "Malformed auth code.");
  const Code code = found->second;
  codes_.erase(found);  // Good once, whatever comes of it.
  if (NowMs() >= code.expires_ms)
    return OAuthError(400, "invalid_grant", "Code has expired.");
  if (Value(form, "redirect_uri") != code.redirect_uri)
    return OAuthError(400, "redirect_uri_mismatch", "Bad Request");
  const std::string verifier = Value(form, "code_verifier");
  if (!code.challenge.empty() && verifier.empty())
    return OAuthError(400, "invalid_grant", "Missing code verifier.");
  if (!code.challenge.empty() && Base64Url(Sha256(verifier)) != code.challenge)
    return OAuthError(400, "invalid_grant", "Invalid code verifier.");
  return Grant(/*with_refresh_token=*/true);
}

Response OAuth::Revoke(const Call& call) {
  const auto form = FormOf(call);
  if (!form) return OAuthError(400, "invalid_request", "Malformed form.");
  const std::string* parameter = call.target.Parameter("token");
  const std::string token =
      parameter != nullptr ? *parameter : Value(*form, "token");
  Status status;
  if (world_.account->HasRefreshToken(token)) {
    status = world_.account->RevokeRefreshToken(token);
  } else if (!IsGoodAccessToken(token)) {
    return OAuthError(400, "invalid_token", "Token expired or revoked");
  }
  if (status) status = world_.account->RevokeAccessTokens();
  if (!status)
    return OAuthError(500, "internal_failure", status.error().message());
  return TextResponse(200, kJsonType, "{}");
}

}  // namespace driveroot::fakedrive
