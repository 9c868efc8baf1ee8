// SPDX-License-Identifier: Apache-2.0
//
// NameServer answers DNS questions (RFC 1035) over UDP for a handful of names,
// so that a guest resolves real names without a real network.
#ifndef DRIVEROOT_VMTEST_NETWORK_NAME_SERVER_H_
#define DRIVEROOT_VMTEST_NETWORK_NAME_SERVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::vmtest {

class NameServer {
 public:
  // IPv4 addresses in dotted form by lower-case name without a final dot. All
  // other names do not exist.
  using Names = std::map<std::string, std::string, std::less<>>;

  // Listens on 127.0.0.1:`port`; 0 picks one. Runs until it is destroyed.
  static Result<std::unique_ptr<NameServer>> Start(uint16_t port, Names names);

  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  uint16_t port() const { return port_; }

 private:
  NameServer(UniqueFd socket, uint16_t port, Names names);
  void Serve();

  UniqueFd socket_;
  uint16_t port_;
  Names names_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_NETWORK_NAME_SERVER_H_
