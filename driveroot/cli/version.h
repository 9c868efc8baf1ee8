// SPDX-License-Identifier: Apache-2.0
//
// The version of this source, by semantic versioning 2.0.0.
#ifndef DRIVEROOT_CLI_VERSION_H_
#define DRIVEROOT_CLI_VERSION_H_

namespace driveroot {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_VERSION_H_
