// SPDX-License-Identifier: Apache-2.0
//
// What the network gave one interface. dhcpcd tells its hook through the
// environment, the hook writes it to a file as KEY=VALUE lines, init reads it.
//
// The values come from the network: only well-formed addresses and names get
// through; the rest is dropped.
//
// Pure functions: safe from any thread.
#ifndef INITRD_DHCP_LEASE_H_
#define INITRD_DHCP_LEASE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

struct Lease {
  std::string interface = {};
  std::string address = {};  // IPv4, dotted.
  int prefix_length = 0;
  int mtu = 0;  // of the path, option 26 of RFC 2132; 0: not told
  std::vector<std::string> routers = {};
  std::vector<std::string> dns_servers = {};
  std::vector<std::string> search_domains = {};

  bool operator==(const Lease&) const = default;
};

// Where the hook puts the lease of an interface. Not below /run, which the new
// root takes with it.
std::string LeasePath(std::string_view interface);

// Reads dhcpcd's variables (dhcpcd-run-hooks(8)) by `get`, which returns an
// empty text for what is not set.
Result<Lease> LeaseFromEnvironment(
    const std::function<std::string(const char*)>& get);

std::string FormatLease(const Lease& lease);
Result<Lease> ParseLease(std::string_view text);

}  // namespace driveroot

#endif  // INITRD_DHCP_LEASE_H_
