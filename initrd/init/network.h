// SPDX-License-Identifier: Apache-2.0
//
// Gets an address from the network by DHCP, over whichever wired interface
// gives one first.
#ifndef INITRD_INIT_NETWORK_H_
#define INITRD_INIT_NETWORK_H_

#include <string>

#include "initrd/console/console.h"
#include "initrd/dhcp/lease.h"
#include "initrd/process/children.h"

namespace driveroot {

struct Connection {
  Lease lease = {};
  std::string mac_address = {};  // Of the interface: "52:54:00:12:34:56".
};

// Switches every wired interface on, runs dhcpcd on each that has a carrier and
// returns the first lease; the other interfaces are given back. Waits for ever,
// since there is nothing to boot without a network: the console says what is
// missing. The dhcpcd of the returned connection runs on for the whole life of
// the machine and renews the lease.
Connection WaitForConnection(Console& console, Children& children);

}  // namespace driveroot

#endif  // INITRD_INIT_NETWORK_H_
