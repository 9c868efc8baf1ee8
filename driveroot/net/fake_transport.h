// SPDX-License-Identifier: Apache-2.0
//
// A transport for tests: answers come from a function, requests are noted.
//
// Thread-safety: Perform() from any thread; the function is called by one at a
// time. Read `requests` when nothing is under way.
#ifndef DRIVEROOT_NET_FAKE_TRANSPORT_H_
#define DRIVEROOT_NET_FAKE_TRANSPORT_H_

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/http.h"

namespace driveroot {

class FakeTransport : public HttpTransport {
 public:
  struct Seen {
    std::string call;
    std::string method;
    std::string url;
    std::string bearer;
    std::vector<HttpHeader> headers;
    std::string body;
    bool fresh_connection = false;
  };
  using Handler = std::function<Result<HttpResponse>(const Seen&)>;

  FakeTransport() = default;
  explicit FakeTransport(Handler answer) : handler(std::move(answer)) {}

  Result<HttpResponse> Perform(const HttpRequest& request) override {
    Seen seen{.call = std::string(request.call),
              .method = request.method,
              .url = request.url,
              .bearer = request.bearer == nullptr
                            ? ""
                            : std::string(request.bearer->reveal()),
              .headers = request.headers,
              .body = "",
              .fresh_connection = request.fresh_connection};
    for (const std::string_view piece : request.body) seen.body += piece;
    Result<HttpResponse> response = Answer(seen);
    if (!request.on_body || !response || response->status / 100 != 2) {
      return response;
    }
    const std::string body = std::exchange(response->body, {});
    if (!request.on_body(*response, body)) {
      return Fail(ErrorCode::kCancelled, "the rest is not wanted");
    }
    return response;
  }

  Handler handler;
  std::vector<Seen> requests;

 private:
  Result<HttpResponse> Answer(const Seen& seen) {
    std::lock_guard lock(mutex_);
    requests.push_back(seen);
    return handler(seen);
  }

  std::mutex mutex_;
};

// An answer with a JSON body.
inline HttpResponse JsonResponse(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.http_version = 20;
  response.body = std::move(body);
  return response;
}

// An error of a Google API.
inline HttpResponse GoogleErrorResponse(int status, const std::string& reason) {
  return JsonResponse(
      status, R"({"error":{"code":)" + std::to_string(status) +
                  R"(,"message":"Said so.","errors":[{"domain":"global",)" +
                  R"("reason":")" + reason + R"(","message":"Said so."}]}})");
}

}  // namespace driveroot

#endif  // DRIVEROOT_NET_FAKE_TRANSPORT_H_
