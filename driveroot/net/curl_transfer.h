// SPDX-License-Identifier: Apache-2.0
//
// One exchange as libcurl sees it: the options of an easy handle, its
// callbacks, and what its outcome means. A detail of HttpClient.
//
// Thread-safety: none; all of it runs on the network thread.
#ifndef DRIVEROOT_NET_CURL_TRANSFER_H_
#define DRIVEROOT_NET_CURL_TRANSFER_H_

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/http.h"
#include "driveroot/net/http_client.h"
#include "driveroot/net/trust_store.h"

namespace driveroot {

struct CurlEasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;

struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

// What one finished exchange adds to the counters.
struct TransferCosts {
  uint64_t body_up = 0;
  uint64_t body_down = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  uint64_t connections = 0;
  uint64_t milliseconds = 0;
};

// What the exchanges of a client have in common.
struct SharedSettings {
  std::string no_proxy;      // libcurl's list
  std::string name_servers;  // the same; empty: the resolver's own choice
  TrustStore trust;
};

class CurlTransfer {
 public:
  // Takes over a piece of a body that the request wants while it arrives.
  using Deliver =
      std::function<void(const HttpResponse& head, std::string_view piece)>;

  // `request` stays valid while this lives.
  CurlTransfer(const HttpRequest& request, Deliver deliver)
      : request_(request), deliver_(std::move(deliver)) {}
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Prepares `easy`, fresh or reset, for this exchange. `shared` outlives it.
  Status Configure(CURL* easy, const HttpClientOptions& options,
                   const SharedSettings& shared);

  // The outcome, once libcurl says that the exchange is over. `trusted_before`:
  // this server's certificate was once found good, so that a bad one now is
  // somebody in between (a captive portal), which passes.
  Result<HttpResponse> Finish(CURL* easy, CURLcode code, bool trusted_before);

  static TransferCosts Costs(CURL* easy);

  // The bytes of the bodies so far; nothing while there is no connection.
  static std::optional<uint64_t> Carried(CURL* easy);

 private:
  static size_t OnRead(char* buffer, size_t size, size_t count, void* self);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  static size_t OnHeader(char* line, size_t size, size_t count, void* self);
  static size_t OnWrite(char* bytes, size_t size, size_t count, void* self);

  Status SetHeaders(CURL* easy);
  // Status and protocol, which libcurl knows once the headers are there.
  void TakeHead();
  Error NetworkError(CURL* easy, CURLcode code, bool trusted_before) const;

  const HttpRequest& request_;
  const Deliver deliver_;
  CURL* easy_ = nullptr;  // the handle that Configure() was given
  HttpResponse response_;
  uint64_t received_ = 0;  // bytes of the body
  CurlList headers_;
  size_t piece_ = 0;         // of request_.body, next to be sent
  size_t piece_offset_ = 0;  // in that piece
  bool too_long_ = false;    // the response exceeded its bound
  std::string error_text_;   // CURL_ERROR_SIZE bytes for libcurl
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_CURL_TRANSFER_H_
