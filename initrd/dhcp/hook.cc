// SPDX-License-Identifier: Apache-2.0
//
// dhcpcd runs this whenever something happens to a lease. When there is an
// address, it is written down for init; other events need nothing.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "initrd/dhcp/lease.h"

namespace {

// The reasons of dhcpcd-run-hooks(8) that come with an address.
constexpr std::array<std::string_view, 4> kAddressReasons = {
    "BOUND",
    "REBIND",
    "REBOOT",
    "RENEW",
};

std::string GetEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main() {
  if (!std::ranges::contains(kAddressReasons, GetEnvironment("reason"))) {
    return 0;
  }
  const driveroot::Result<driveroot::Lease> lease =
      driveroot::LeaseFromEnvironment(GetEnvironment);
  if (!lease) {
    std::fprintf(stderr, "dhcpcd-hook: %s\n", lease.error().message().c_str());
    return 1;
  }
  const driveroot::Status written =
      driveroot::ReplaceFile(driveroot::LeasePath(lease->interface),
                             driveroot::FormatLease(*lease), 0644);
  if (written) return 0;
  std::fprintf(stderr, "dhcpcd-hook: %s\n", written.error().message().c_str());
  return 1;
}
