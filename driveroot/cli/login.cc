// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/login.h"

#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/net/clock.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/http_client.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/device_flow.h"
#include "driveroot/net/oauth/loopback_flow.h"
#include "driveroot/net/oauth/sign_in.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/secret.h"
#include "driveroot/net/system_files.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxClientFileBytes = 64u << 10;
constexpr std::chrono::minutes kRetryLimit{2};
// As long as a device code of Google's lives.
constexpr std::chrono::minutes kBrowserTimeout{30};

// Switches the terminal's echo off while a secret is typed.
class EchoOff {
 public:
  explicit EchoOff(FILE* in) : fd_(fileno(in)) {
    active_ = tcgetattr(fd_, &saved_) == 0;
    if (!active_) return;
    termios quiet = saved_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (active_) tcsetattr(fd_, TCSAFLUSH, &saved_);
  }
  bool active() const { return active_; }

 private:
  int fd_;
  bool active_ = false;
  termios saved_{};
};

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> ReadLine(FILE* in, std::string_view what) {
  std::string line;
  for (int c = fgetc(in); c != EOF && c != '\n'; c = fgetc(in)) {
    line += static_cast<char>(c);
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
    line.pop_back();
  }
  if (!line.empty()) return line;
  return Fail(ErrorCode::kInvalidArgument,
              "no " + std::string(what) +
                  " given: make an OAuth client in the Google Cloud console "
                  "and give its file with --client_file=FILE");
}

Result<OAuthClient> AskForClient(std::string id, FILE* in, FILE* out) {
  if (id.empty()) {
    fputs("Client id: ", out);
    fflush(out);
    DRIVEROOT_ASSIGN_OR_RETURN(id, ReadLine(in, "client id"));
  }
  fputs("Client secret: ", out);
  fflush(out);
  const EchoOff echo_off(in);
  DRIVEROOT_ASSIGN_OR_RETURN(std::string secret, ReadLine(in, "client secret"));
  if (echo_off.active()) fputs("\n", out);
  OAuthClient client{.id = std::move(id), .secret = Secret(secret)};
  WipeText(&secret);
  return client;
}

Result<OAuthClient> ChooseClient(const LoginOptions& options,
                                 const std::string& credentials_file, FILE* in,
                                 FILE* out) {
  if (!options.client_file.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        std::string text, ReadFile(options.client_file, kMaxClientFileBytes));
    Result<OAuthClient> client = ParseOAuthClient(text, options.client_file);
    WipeText(&text);
    return client;
  }
  std::string id = options.client_id.empty()
                       ? Environment("DRIVEROOT_CLIENT_ID")
                       : options.client_id;
  std::string secret = Environment("DRIVEROOT_CLIENT_SECRET");
  if (!id.empty() && !secret.empty()) {
    OAuthClient client{.id = std::move(id), .secret = Secret(secret)};
    WipeText(&secret);
    return client;
  }
  Result<Credentials> old = LoadCredentials(credentials_file);
  if (old && (id.empty() || id == old->client.id)) {
    return std::move(old->client);
  }
  return AskForClient(std::move(id), in, out);
}

Result<Credentials> SignInByDevice(const SignInContext& context,
                                   const OAuthClient& client, FILE* out) {
  DRIVEROOT_ASSIGN_OR_RETURN(const DeviceAuthorization device,
                             StartDeviceFlow(context, client));
  const auto minutes =
      std::chrono::floor<std::chrono::minutes>(device.expires_in);
  fprintf(out,
          "Open   %s\nenter  %s\n\nWaiting for you to do so (for up to %lld "
          "minutes) ...\n",
          device.verification_url.c_str(), device.user_code.c_str(),
          static_cast<long long>(minutes.count()));
  fflush(out);
  return FinishDeviceFlow(context, client, device);
}

Result<Credentials> SignInByBrowser(const SignInContext& context,
                                    const OAuthClient& client, FILE* out) {
  DRIVEROOT_ASSIGN_OR_RETURN(LoopbackFlow flow,
                             LoopbackFlow::Start(client, *context.endpoints));
  fprintf(out,
          "Open this address in a browser on this machine:\n\n%s\n\nWaiting "
          "for it to come back ...\n",
          flow.url().c_str());
  fflush(out);
  return flow.Finish(context, kBrowserTimeout);
}

}  // namespace

Status RunLogin(const LoginOptions& options, FILE* in, FILE* out) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Endpoints endpoints,
                             MakeEndpoints(options.drive_endpoint));
  std::string path = options.credentials_file;
  if (path.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(path, DefaultCredentialsPath());
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const OAuthClient client,
                             ChooseClient(options, path, in, out));
  HttpClientOptions http_options;
  DRIVEROOT_ASSIGN_OR_RETURN(http_options.ca_pem,
                             LoadCaBundle(options.ca_file));
  HttpClient http(std::move(http_options));
  SystemClock clock;
  const Retrier retrier(&clock, RetryLimit::Within(kRetryLimit),
                        LogRetries(&clock));
  const SignInContext context{.transport = &http,
                              .clock = &clock,
                              .retrier = &retrier,
                              .endpoints = &endpoints};
  DRIVEROOT_ASSIGN_OR_RETURN(const Credentials credentials,
                             options.loopback
                                 ? SignInByBrowser(context, client, out)
                                 : SignInByDevice(context, client, out));
  DRIVEROOT_RETURN_IF_ERROR(SaveCredentials(path, credentials));
  fprintf(out,
          "Signed in; the credentials are in %s.\nThey last until they are "
          "revoked or not used for 6 months, but only 7 days while the consent "
          "screen of the project is in \"Testing\".\n",
          path.c_str());
  return {};
}

}  // namespace driveroot
