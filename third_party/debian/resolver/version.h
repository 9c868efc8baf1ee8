// SPDX-License-Identifier: Apache-2.0
//
// The order of Debian's version numbers, deb-version(7).
#ifndef DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_VERSION_H_
#define DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_VERSION_H_

#include <compare>
#include <string_view>

namespace driveroot::debian {

// Orders two versions of the form [epoch:]upstream[-revision].
std::strong_ordering CompareVersions(std::string_view a, std::string_view b);

}  // namespace driveroot::debian

#endif  // DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_VERSION_H_
