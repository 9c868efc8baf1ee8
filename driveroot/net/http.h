// SPDX-License-Identifier: Apache-2.0
//
// One HTTP exchange as plain values, and the interface of whatever performs
// it: HttpClient over the network, FakeTransport in tests.
#ifndef DRIVEROOT_NET_HTTP_H_
#define DRIVEROOT_NET_HTTP_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/secret.h"

namespace driveroot {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpResponse {
  int status = 0;
  int http_version = 0;             // 10 * major + minor: 11, 20
  std::vector<HttpHeader> headers;  // names in lower case
  std::string body;
  std::optional<std::chrono::seconds> retry_after = {};

  // The first header of this lower-case name.
  std::optional<std::string_view> Header(std::string_view name) const {
    for (const HttpHeader& header : headers) {
      if (header.name == name) return header.value;
    }
    return std::nullopt;
  }
};

struct HttpRequest {
  // What kind of call this is, e.g. "files.create": the key of the counters,
  // and the name of the call in errors. Must outlive the program.
  std::string_view call = {};
  std::string method = "GET";
  std::string url = {};                  // https only
  std::vector<HttpHeader> headers = {};  // without Authorization
  const Secret* bearer = nullptr;  // borrowed; sent as Authorization: Bearer

  // The body, sent as one: pieces that belong to the caller, so that a large
  // object is not copied to put a header before it. They must stay valid until
  // Perform() returns. Methods other than GET and DELETE always have a body,
  // perhaps an empty one.
  std::vector<std::string_view> body = {};

  // A longer response is an error. Memory for `expected_response_bytes` is
  // taken beforehand.
  uint64_t max_response_bytes = 16u << 20;
  size_t expected_response_bytes = 0;

  // Takes the body of a 2xx answer piece by piece while it arrives, on the
  // thread that called Perform(); `head` has status and headers, and the
  // response's own body stays empty. False breaks the exchange off.
  using BodySink =
      std::function<bool(const HttpResponse& head, std::string_view piece)>;
  BodySink on_body = nullptr;

  // Accept a compressed answer; not for byte ranges.
  bool accept_gzip = false;

  // Asks for a connection of its own: after a stall, the old one may be dead.
  bool fresh_connection = false;
};

class HttpTransport {
 public:
  HttpTransport() = default;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  virtual ~HttpTransport() = default;

  // Performs one exchange, without retries, and blocks until it is over. Any
  // HTTP status is a success here. May be called from any thread.
  //
  // kUnavailable: the network failed, and may not the next time.
  // kPermissionDenied: the server's certificate is not to be trusted.
  // kCancelled: shutting down, or on_body wanted no more.
  // kDataLoss: a response longer than max_response_bytes.
  virtual Result<HttpResponse> Perform(const HttpRequest& request) = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_HTTP_H_
