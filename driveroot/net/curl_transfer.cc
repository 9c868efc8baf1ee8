// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/curl_transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

#include "driveroot/net/secret.h"
#include "driveroot/net/url.h"

namespace driveroot {
namespace {

// Milliseconds without an acknowledgement after which the kernel gives a
// connection up; without this, requests multiplexed on a dead one would wait
// for TCP's own limit of about 15 minutes.
constexpr unsigned kTcpUserTimeout = 30'000;

int OnSocket(void* /*unused*/, curl_socket_t socket, curlsocktype /*purpose*/) {
  // A kernel without the option only notices later.
  (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kTcpUserTimeout,
                   sizeof(kTcpUserTimeout));
  return CURL_SOCKOPT_OK;
}

bool HasBody(const HttpRequest& request) {
  return request.method != "GET" && request.method != "DELETE";
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return "";
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

// Collects the failures of many curl_easy_setopt() calls into one.
class OptionSetter {
 public:
  explicit OptionSetter(CURL* easy) : easy_(easy) {}

  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy_, option, value);
    if (code != CURLE_OK && code_ == CURLE_OK) {
      code_ = code;
      option_ = option;
    }
  }

  Status status() const {
    if (code_ == CURLE_OK) return {};
    return Fail(ErrorCode::kInternal, "libcurl refused option " +
                                          std::to_string(option_) + ": " +
                                          curl_easy_strerror(code_));
  }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
  CURLoption option_ = CURLOPT_LASTENTRY;
};

CURLcode OnTlsContext(CURL* /*unused*/, void* context, void* trust) {
  // Whatever the environment asks libcurl for: no secrets leave the connection.
  SSL_CTX_set_keylog_callback(static_cast<SSL_CTX*>(context), nullptr);
  return static_cast<const TrustStore*>(trust)->UseFor(
             static_cast<SSL_CTX*>(context))
             ? CURLE_OK
             : CURLE_SSL_CACERT_BADFILE;
}

}  // namespace

Status CurlTransfer::SetHeaders(CURL* easy) {
  const auto append = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return false;
    (void)headers_.release();
    headers_.reset(longer);
    return true;
  };
  // "Expect: 100-continue" would cost a round trip for nothing.
  bool complete = append("Expect:");
  for (const HttpHeader& header : request_.headers) {
    complete = complete && append(header.name + ": " + header.value);
  }
  if (request_.bearer != nullptr) {
    std::string line = "Authorization: Bearer ";
    line += request_.bearer->reveal();
    complete = complete && append(line);
    WipeText(&line);
  }
  if (!complete ||
      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get()) != CURLE_OK) {
    return Fail(ErrorCode::kInternal, "no memory for HTTP headers");
  }
  return {};
}

Status CurlTransfer::Configure(CURL* easy, const HttpClientOptions& options,
                               const SharedSettings& shared) {
  OptionSetter setter(easy);
  easy_ = easy;
  error_text_.assign(CURL_ERROR_SIZE, '\0');
  setter.Set(CURLOPT_ERRORBUFFER, error_text_.data());
  setter.Set(CURLOPT_NOSIGNAL, 1L);
  setter.Set(CURLOPT_URL, request_.url.c_str());
  setter.Set(CURLOPT_PROTOCOLS_STR, "https");
  setter.Set(CURLOPT_FOLLOWLOCATION, 0L);
  setter.Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  setter.Set(CURLOPT_PIPEWAIT, 1L);
  setter.Set(CURLOPT_USERAGENT, options.user_agent.c_str());
  setter.Set(CURLOPT_NOPROXY, shared.no_proxy.c_str());
  setter.Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  // Also for a proxy that is spoken to by TLS.
  setter.Set(CURLOPT_SSL_CTX_FUNCTION, &OnTlsContext);
  setter.Set(CURLOPT_SSL_CTX_DATA, const_cast<TrustStore*>(&shared.trust));
  setter.Set(CURLOPT_SSL_VERIFYPEER, 1L);
  setter.Set(CURLOPT_SSL_VERIFYHOST, 2L);
  setter.Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));

  if (!shared.name_servers.empty()) {
    setter.Set(CURLOPT_DNS_SERVERS, shared.name_servers.c_str());
  }
  setter.Set(CURLOPT_CONNECTTIMEOUT,
             static_cast<long>(options.connect_timeout.count()));
  setter.Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  setter.Set(CURLOPT_LOW_SPEED_TIME,
             static_cast<long>(options.stall_timeout.count()));
  setter.Set(CURLOPT_SOCKOPTFUNCTION, &OnSocket);
  setter.Set(CURLOPT_TCP_KEEPALIVE, 1L);
  setter.Set(CURLOPT_TCP_KEEPIDLE, 30L);
  setter.Set(CURLOPT_TCP_KEEPINTVL, 10L);
  // The defaults (16 and 64 KiB) cost many calls for each object.
  setter.Set(CURLOPT_BUFFERSIZE, 256L << 10);
  setter.Set(CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  if (request_.accept_gzip) setter.Set(CURLOPT_ACCEPT_ENCODING, "gzip");
  if (request_.fresh_connection) setter.Set(CURLOPT_FRESH_CONNECT, 1L);

  if (HasBody(request_)) {
    curl_off_t size = 0;
    for (const std::string_view piece : request_.body) {
      size += static_cast<curl_off_t>(piece.size());
    }
    setter.Set(CURLOPT_UPLOAD, 1L);
    setter.Set(CURLOPT_INFILESIZE_LARGE, size);
    setter.Set(CURLOPT_READFUNCTION, &OnRead);
    setter.Set(CURLOPT_READDATA, static_cast<void*>(this));
    setter.Set(CURLOPT_SEEKFUNCTION, &OnSeek);
    setter.Set(CURLOPT_SEEKDATA, static_cast<void*>(this));
  }
  setter.Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  setter.Set(CURLOPT_HEADERFUNCTION, &OnHeader);
  setter.Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  setter.Set(CURLOPT_WRITEFUNCTION, &OnWrite);
  setter.Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  DRIVEROOT_RETURN_IF_ERROR(setter.status());
  return SetHeaders(easy);
}

size_t CurlTransfer::OnRead(char* buffer, size_t size, size_t count,
                            void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const auto& pieces = transfer->request_.body;
  const size_t wanted = size * count;
  size_t done = 0;
  while (done < wanted && transfer->piece_ < pieces.size()) {
    const std::string_view rest =
        pieces[transfer->piece_].substr(transfer->piece_offset_);
    const size_t n = std::min(wanted - done, rest.size());
    memcpy(buffer + done, rest.data(), n);
    done += n;
    transfer->piece_offset_ += n;
    if (n == rest.size()) {
      ++transfer->piece_;
      transfer->piece_offset_ = 0;
    }
  }
  return done;
}

// libcurl starts a body again when a kept connection turns out to be closed.
int CurlTransfer::OnSeek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  auto* transfer = static_cast<CurlTransfer*>(self);
  auto left = static_cast<uint64_t>(offset);
  const auto& pieces = transfer->request_.body;
  size_t piece = 0;
  while (piece < pieces.size() && left >= pieces[piece].size()) {
    left -= pieces[piece].size();
    ++piece;
  }
  if (piece == pieces.size() && left > 0) return CURL_SEEKFUNC_FAIL;
  transfer->piece_ = piece;
  transfer->piece_offset_ = static_cast<size_t>(left);
  return CURL_SEEKFUNC_OK;
}

size_t CurlTransfer::OnHeader(char* line, size_t size, size_t count,
                              void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const std::string_view text(line, size * count);
  if (text.starts_with("HTTP/")) {
    // A new status line: what came before was an interim (1xx) answer.
    transfer->response_.headers.clear();
    return text.size();
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return text.size();
  std::string name(Trim(text.substr(0, colon)));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  transfer->response_.headers.push_back(
      {std::move(name), std::string(Trim(text.substr(colon + 1)))});
  return text.size();
}

size_t CurlTransfer::OnWrite(char* bytes, size_t size, size_t count,
                             void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  std::string& body = transfer->response_.body;
  const size_t n = size * count;
  if (n > transfer->request_.max_response_bytes - transfer->received_) {
    transfer->too_long_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (transfer->received_ == 0) transfer->TakeHead();
  transfer->received_ += n;
  const int status = transfer->response_.status;
  if (transfer->request_.on_body && status >= 200 && status < 300) {
    transfer->deliver_(transfer->response_, {bytes, n});
    return n;
  }
  if (body.empty()) body.reserve(transfer->request_.expected_response_bytes);
  body.append(bytes, n);
  return n;
}

void CurlTransfer::TakeHead() {
  long status = 0;
  long version = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &version);
  response_.status = static_cast<int>(status);
  response_.http_version = version == CURL_HTTP_VERSION_2_0 ? 20 : 11;
}

Result<HttpResponse> CurlTransfer::Finish(CURL* easy, CURLcode code,
                                          bool trusted_before) {
  if (code != CURLE_OK) {
    return std::unexpected(NetworkError(easy, code, trusted_before));
  }
  TakeHead();
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0)
    response_.retry_after = std::chrono::seconds(retry_after);
  return std::move(response_);
}

Error CurlTransfer::NetworkError(CURL* easy, CURLcode code,
                                 bool trusted_before) const {
  const std::string where = UrlForMessages(request_.url);
  // libcurl's sentence about this failure, or its general one.
  std::string detail(error_text_.c_str());
  if (detail.empty()) detail = curl_easy_strerror(code);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return Error(
          trusted_before ? ErrorCode::kUnavailable
                         : ErrorCode::kPermissionDenied,
          "the TLS certificate of " + where + " is not to be trusted (" +
              detail +
              "); if the server has a certificate authority of its own, give "
              "it with --ca_file=FILE; a wrong clock has the same effect");
    case CURLE_SSL_CACERT_BADFILE:
      return Error(ErrorCode::kInvalidArgument,
                   "the trusted certificates hold none that can be used, or a "
                   "damaged one: give others with --ca_file=FILE");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Error(ErrorCode::kUnavailable,
                   "cannot find the address for " + where + ": " + detail);
    case CURLE_COULDNT_CONNECT: {
      long errno_value = 0;
      curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &errno_value);
      return Error(
          ErrorCode::kUnavailable,
          "cannot connect to " + where + ": " +
              (errno_value != 0 ? strerrordesc_np(static_cast<int>(errno_value))
                                : detail.c_str()));
    }
    case CURLE_WRITE_ERROR:
      if (!too_long_) break;
      return Error(ErrorCode::kDataLoss,
                   "the answer of " + where + " is longer than " +
                       std::to_string(request_.max_response_bytes) + " bytes");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(ErrorCode::kInvalidArgument,
                   "not an https:// address: " + where);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
      return Error(ErrorCode::kInternal, "libcurl: " + detail);
    case CURLE_OPERATION_TIMEDOUT:
      return Error(ErrorCode::kUnavailable,
                   "no answer from " + where + ": " + detail);
    default:
      break;
  }
  return Error(ErrorCode::kUnavailable,
               "the connection to " + where + " broke: " + detail);
}

std::optional<uint64_t> CurlTransfer::Carried(CURL* easy) {
  curl_off_t connected = 0;
  curl_off_t up = 0;
  curl_off_t down = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
  if (connected <= 0) return std::nullopt;
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  return static_cast<uint64_t>(up) + static_cast<uint64_t>(down);
}

TransferCosts CurlTransfer::Costs(CURL* easy) {
  curl_off_t up = 0;
  curl_off_t down = 0;
  curl_off_t microseconds = 0;
  long request_size = 0;
  long header_size = 0;
  long connections = 0;
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &microseconds);
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
  curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_size);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
  return {.body_up = static_cast<uint64_t>(up),
          .body_down = static_cast<uint64_t>(down),
          .bytes_up = static_cast<uint64_t>(up + request_size),
          .bytes_down = static_cast<uint64_t>(down + header_size),
          .connections = static_cast<uint64_t>(connections),
          .milliseconds = static_cast<uint64_t>(microseconds / 1000)};
}

}  // namespace driveroot
