// SPDX-License-Identifier: Apache-2.0
//
// An HTTPS server on an event loop: listens, accepts, and owns the connections
// and the simulated link that they share. It knows nothing of what its handler
// serves.
//
// Lives on the event loop's thread. The handler must outlive it.
#ifndef VMTEST_FAKEDRIVE_SERVER_SERVER_H_
#define VMTEST_FAKEDRIVE_SERVER_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/server/bandwidth.h"
#include "vmtest/fakedrive/server/connection.h"

namespace driveroot::fakedrive {

class Server {
 public:
  // `spool_folder` takes the bodies of requests that are too large for memory.
  Server(EventLoop* loop, Handler* handler, TlsContextPtr tls,
         std::string spool_folder);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // `host` is an IPv4 or IPv6 address or localhost; port 0 picks a free one.
  // Returns the port.
  Result<uint16_t> Listen(const std::string& host, uint16_t port);

  // Both directions, each for itself; 0 means without limit.
  void SetBandwidth(double bytes_per_second);

  ServerCounters& counters() { return counters_; }
  size_t open_connections() const { return connections_.size(); }

 private:
  void Accept();
  void PumpLater(uint64_t id);

  EventLoop& loop_;
  TlsContextPtr tls_;
  ServerCounters counters_;
  Bandwidth inbound_;
  Bandwidth outbound_;
  Connection::Shared shared_;
  UniqueFd listener_;
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_SERVER_H_
