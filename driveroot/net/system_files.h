// SPDX-License-Identifier: Apache-2.0
//
// What the network layer takes from the system, read once at start: the trusted
// certificates and the name servers. A daemon that serves the root file system
// must not look anything up through that root later, so both are held in
// memory.
#ifndef DRIVEROOT_NET_SYSTEM_FILES_H_
#define DRIVEROOT_NET_SYSTEM_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// The PEM certificates to trust: those of `ca_file`, or of the first usual
// system bundle when it is empty.
//
// kNotFound: the file, or every usual bundle, is missing.
// kInvalidArgument: the file holds no PEM certificate.
Result<std::string> LoadCaBundle(const std::string& ca_file);

// The name servers of a resolv.conf in the form that c-ares takes ("192.0.2.1",
// "[2001:db8::1]"). Lines that are not understood are skipped, as the C
// library does; no server at all gives an empty list.
std::vector<std::string> ParseNameServers(std::string_view resolv_conf);

// ParseNameServers() of a file; empty when it cannot be read.
std::vector<std::string> LoadNameServers(const std::string& path);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_SYSTEM_FILES_H_
