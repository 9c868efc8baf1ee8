// SPDX-License-Identifier: Apache-2.0
//
// Enables systemd units in a root tree. Not thread-safe.
#ifndef TOOLS_MKROOT_SYSTEMD_UNIT_H_
#define TOOLS_MKROOT_SYSTEMD_UNIT_H_

#include <string>

#include "driveroot/base/result.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

// Makes the links that the [Install] section of `unit` asks for, and those of
// the units that it names in Also=. With `as_package` they are also recorded
// below /var/lib/systemd/deb-systemd-helper-enabled, as deb-systemd-helper
// does for units that packages enable, so that upgrades and purges know them.
Status EnableUnit(const std::string& unit, bool as_package, Tree* tree);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_SYSTEMD_UNIT_H_
