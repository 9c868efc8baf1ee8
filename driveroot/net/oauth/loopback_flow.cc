// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/loopback_flow.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "driveroot/base/base64.h"
#include "driveroot/net/oauth/token_request.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/url.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// 256 bits: RFC 7636, section 7.1.
constexpr size_t kRandomBytes = 32;
constexpr size_t kMaxRequestBytes = 16u << 10;
// A browser that opens a connection and says nothing.
constexpr timeval kReadTimeout{.tv_sec = 5, .tv_usec = 0};

std::string RandomText() {
  std::string bytes(kRandomBytes, '\0');
  // Cannot fail for so few bytes once the kernel has booted.
  (void)getentropy(bytes.data(), bytes.size());
  return Base64Url(bytes);
}

// A listening socket and its port.
Result<std::pair<UniqueFd, uint16_t>> ListenOnLoopback() {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener.valid() || bind(listener.get(), generic, size) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0 ||
      getsockname(listener.get(), generic, &size) != 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot listen on 127.0.0.1"));
  }
  return std::pair(std::move(listener), ntohs(address.sin_port));
}

// The target of a GET request, e.g. "/?code=…"; nothing for anything else.
std::optional<std::string> ReadTarget(int connection) {
  std::string head;
  while (!head.contains("\r\n\r\n")) {
    char buffer[2048];
    const ssize_t n = read(connection, buffer, sizeof(buffer));
    if (n <= 0 || head.size() > kMaxRequestBytes) return std::nullopt;
    head.append(buffer, static_cast<size_t>(n));
  }
  constexpr std::string_view kGet = "GET ";
  if (!head.starts_with(kGet)) return std::nullopt;
  const size_t end = head.find(" HTTP/1.", kGet.size());
  if (end == std::string::npos || end > head.find("\r\n")) return std::nullopt;
  return head.substr(kGet.size(), end - kGet.size());
}

std::map<std::string, std::string> ParseQuery(std::string_view target) {
  std::map<std::string, std::string> parameters;
  const size_t start = target.find('?');
  if (start == std::string_view::npos) return parameters;
  std::string_view rest = target.substr(start + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = PercentDecode(pair.substr(0, equals), true);
    const auto value = PercentDecode(pair.substr(equals + 1), true);
    if (name && value) parameters.emplace(*name, *value);
  }
  return parameters;
}

void Answer(int connection, std::string_view status, std::string_view text) {
  const std::string body = "<!doctype html><title>driveroot</title><p>" +
                           std::string(text) + "</p>\n";
  const std::string answer =
      "HTTP/1.1 " + std::string(status) +
      "\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store"
      "\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  // A browser that is gone by now needs no answer.
  (void)send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
}

// Both have a fixed length that is no secret; where they differ is not shown.
bool SameText(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace

std::string PkceChallenge(std::string_view verifier) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(verifier.data()), verifier.size(),
         digest);
  return Base64Url(
      std::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

Result<LoopbackFlow> LoopbackFlow::Start(const OAuthClient& client,
                                         const Endpoints& endpoints) {
  LoopbackFlow flow;
  DRIVEROOT_ASSIGN_OR_RETURN(auto listening, ListenOnLoopback());
  flow.client_ = client;
  flow.listener_ = std::move(listening.first);
  flow.redirect_uri_ = "http://127.0.0.1:" + std::to_string(listening.second);
  flow.verifier_ = Secret(RandomText());
  flow.state_ = Secret(RandomText());
  // "offline" and "consent": Google gives a refresh token only then.
  flow.url_ =
      endpoints.authorization + "?" +
      EncodeQuery({{"client_id", client.id},
                   {"redirect_uri", flow.redirect_uri_},
                   {"response_type", "code"},
                   {"scope", kDriveFileScope},
                   {"code_challenge", PkceChallenge(flow.verifier_.reveal())},
                   {"code_challenge_method", "S256"},
                   {"state", flow.state_.reveal()},
                   {"access_type", "offline"},
                   {"prompt", "consent"}});
  return flow;
}

Result<Secret> LoopbackFlow::WaitForCode(std::chrono::seconds timeout) const {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (left <= milliseconds(0) ||
        poll(&waiting, 1, static_cast<int>(left.count())) == 0) {
      return Fail(ErrorCode::kUnavailable,
                  "nobody signed in in time: run `driveroot login` again");
    }
    const UniqueFd connection(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) continue;
    (void)setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &kReadTimeout,
                     sizeof(kReadTimeout));
    const std::optional<std::string> target = ReadTarget(connection.get());
    if (!target) {
      Answer(connection.get(), "400 Bad Request", "Not a sign-in.");
      continue;
    }
    const std::map<std::string, std::string> query = ParseQuery(*target);
    const auto state = query.find("state");
    // Anybody on this machine, and any page, can come here: only the browser
    // that was sent away by this very sign-in counts.
    if (state == query.end() || !SameText(state->second, state_.reveal())) {
      Answer(connection.get(), "400 Bad Request",
             "This is not the sign-in that driveroot waits for.");
      continue;
    }
    if (const auto error = query.find("error"); error != query.end()) {
      Answer(connection.get(), "200 OK",
             "The sign-in was declined. You may close this page.");
      return std::unexpected(SignInRefused("access_denied", 0));
    }
    const auto code = query.find("code");
    if (code == query.end() || code->second.empty()) {
      Answer(connection.get(), "400 Bad Request", "The code is missing.");
      continue;
    }
    Answer(connection.get(), "200 OK",
           "driveroot is signed in. You may close this page.");
    return Secret(code->second);
  }
}

Result<Credentials> LoopbackFlow::Exchange(const SignInContext& context,
                                           const Secret& code) const {
  Result<TokenReply> reply =
      context.retrier->Run("oauth.token", [&](Backoff&) -> Attempt<TokenReply> {
        Result<HttpResponse> response =
            PostForm(context.transport, "oauth.token", context.endpoints->token,
                     {{"client_id", client_.id},
                      {"client_secret", client_.secret.reveal()},
                      {"code", code.reveal()},
                      {"code_verifier", verifier_.reveal()},
                      {"redirect_uri", redirect_uri_},
                      {"grant_type", "authorization_code"}});
        if (!response) {
          return std::unexpected(
              AttemptFailure::FromTransport(response.error()));
        }
        if (response->status != 200) {
          const std::string name = OAuthErrorName(*response);
          return std::unexpected(
              AttemptFailure{.error = SignInRefused(name, response->status),
                             .retry = ClassifyStatus(response->status, name),
                             .retry_after = response->retry_after,
                             .http_status = response->status});
        }
        Result<TokenReply> parsed = ParseTokenReply(*response);
        if (!parsed) {
          return std::unexpected(AttemptFailure::FromTransport(parsed.error()));
        }
        return *std::move(parsed);
      });
  if (!reply) return std::unexpected(reply.error());
  return CredentialsFromReply(client_, *reply);
}

Result<Credentials> LoopbackFlow::Finish(const SignInContext& context,
                                         std::chrono::seconds timeout) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Secret code, WaitForCode(timeout));
  return Exchange(context, code);
}

}  // namespace driveroot
