// SPDX-License-Identifier: Apache-2.0
//
// Gets an address from the network by DHCP, over the wired interface that leads
// to the store.
#ifndef INITRD_INIT_NETWORK_H_
#define INITRD_INIT_NETWORK_H_

#include <string>

#include "initrd/console/console.h"
#include "initrd/dhcp/lease.h"
#include "initrd/init/settings.h"
#include "initrd/process/children.h"

namespace driveroot {

struct Connection {
  Lease lease = {};
  std::string mac_address = {};  // Of the interface: "52:54:00:12:34:56".
};

// Switches every wired interface on and runs dhcpcd on each that has a carrier.
// Where there is one interface, its lease is returned; where there are more,
// the first over which the store is reached, and the others are given back.
// With `doubts_clock` the store is asked in any case, and the clock is mended
// by what it says. Waits forever, since there is nothing to boot without a
// network: the console says what is missing. The dhcpcd of the returned
// connection runs on for the whole life of the machine and renews the lease.
Connection WaitForConnection(const Settings& settings, bool doubts_clock,
                             Console& console, Children& children);

// Asks the store over `connection` for the time. True: the clock was wrong and
// is mended. Takes 20 s at most.
bool MendClockOver(const Connection& connection, const Settings& settings,
                   Console& console, Children& children);

}  // namespace driveroot

#endif  // INITRD_INIT_NETWORK_H_
