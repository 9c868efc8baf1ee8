// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/token_request.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "driveroot/net/json.h"
#include "driveroot/net/url.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxReplyBytes = 64u << 10;
// Google grants an hour. A day bounds what a strange server may say.
constexpr uint64_t kLongestLifetimeSeconds = 24 * 3600;
constexpr size_t kLongestErrorName = 64;

// Tokens go into an HTTP header: RFC 6750 allows visible ASCII only.
bool IsHeaderSafe(std::string_view token) {
  return !token.empty() &&
         std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Result<HttpResponse> PostForm(
    HttpTransport* transport, std::string_view call, const std::string& url,
    std::initializer_list<std::pair<std::string_view, std::string_view>>
        fields) {
  std::string form = EncodeQuery(fields);
  HttpRequest request{
      .call = call,
      .method = "POST",
      .url = url,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"Accept", "application/json"}},
      .body = {form},
      .max_response_bytes = kMaxReplyBytes};
  Result<HttpResponse> response = transport->Perform(request);
  WipeText(&form);
  return response;
}

Result<TokenReply> ParseTokenReply(const HttpResponse& response) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const rapidjson::Document document,
      ParseJsonObject(response.body, "the token server's answer"));
  const std::optional<std::string_view> access =
      JsonString(document, "access_token");
  const std::optional<uint64_t> lifetime = JsonUint64(document, "expires_in");
  const std::string_view refresh =
      JsonString(document, "refresh_token").value_or("");
  if (!access || !IsHeaderSafe(*access) || !lifetime ||
      (!refresh.empty() && !IsHeaderSafe(refresh))) {
    return Fail(ErrorCode::kDataLoss,
                "the token server's answer holds no usable token");
  }
  return TokenReply{
      .access_token = Secret(*access),
      .refresh_token = Secret(refresh),
      .expires_in =
          std::chrono::seconds(std::min(*lifetime, kLongestLifetimeSeconds)),
  };
}

std::string OAuthErrorName(const HttpResponse& response) {
  const Result<rapidjson::Document> document =
      ParseJsonObject(response.body, "the token server's answer");
  if (!document) return "";
  const std::string_view name = JsonString(*document, "error").value_or("");
  const bool plain = std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return plain && name.size() <= kLongestErrorName ? std::string(name) : "";
}

}  // namespace driveroot
