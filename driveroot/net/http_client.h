// SPDX-License-Identifier: Apache-2.0
//
// HttpTransport over the network: libcurl's multi interface, driven by one
// thread. Callers on other threads hand a request over and wait for its answer;
// requests to one host share HTTP/2 connections, which are kept open.
//
//   HttpClientOptions options;
//   DRIVEROOT_ASSIGN_OR_RETURN(options.ca_pem, LoadCaBundle(ca_file));
//   HttpClient client(std::move(options));
//
// Make it after the last fork(): threads do not survive one. Server
// certificates are always verified. Proxies come from the usual environment
// variables, and are never used for loopback addresses.
//
// Thread-safety: Perform(), Counters() and Cancel() from any thread. The
// destructor must not run while another thread is in Perform(): Cancel() first
// and join it.
#ifndef DRIVEROOT_NET_HTTP_CLIENT_H_
#define DRIVEROOT_NET_HTTP_CLIENT_H_

#include <chrono>
#include <memory>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/net/counters.h"
#include "driveroot/net/http.h"
#include "driveroot/net/progress_watch.h"

namespace driveroot {

struct HttpClientOptions {
  std::string ca_pem;  // trusted certificates, PEM
  // Names the name servers; read for each exchange, since they may change with
  // the network. Without it, or any in it: the resolver's own choice.
  std::string resolv_conf = "/etc/resolv.conf";
  // Google serves "gzip" answers only to those whose name says so.
  std::string user_agent = "driveroot (gzip)";
  // One TCP connection carries 2.5 to 32 MB/s from Google; several carry more.
  long connections_per_host = 6;
  long streams_per_connection = 8;
  std::chrono::seconds connect_timeout{20};
  // Without a byte in either direction for so long, a transfer has stalled.
  std::chrono::seconds stall_timeout{40};
  // With fewer bytes than these, too: kUnavailable, in words.
  ProgressLimits progress = {};
};

class HttpClient : public HttpTransport {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient() override;

  Result<HttpResponse> Perform(const HttpRequest& request) override;

  // Ends every exchange, now and later, with kCancelled.
  void Cancel();

  NetCounters Counters() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_HTTP_CLIENT_H_
