// SPDX-License-Identifier: Apache-2.0
//
// dhcpcd's build generates this header for option definitions that are compiled
// in. Ours are read from EMBEDDED_CONFIG, which needs nothing from it.
#ifndef THIRD_PARTY_DHCPCD_CONFIG_DHCPCD_EMBEDDED_H_
#define THIRD_PARTY_DHCPCD_CONFIG_DHCPCD_EMBEDDED_H_
#endif  // THIRD_PARTY_DHCPCD_CONFIG_DHCPCD_EMBEDDED_H_
