// SPDX-License-Identifier: Apache-2.0
//
// Files that Debian's maintainer scripts and triggers compute from the files of
// the packages. Each function reads its inputs from `tree` and adds its outputs
// to it; none is thread-safe. Malformed input gives an error that names it.
#ifndef TOOLS_MKROOT_GENERATORS_H_
#define TOOLS_MKROOT_GENERATORS_H_

#include <string_view>

#include "driveroot/base/result.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

// "certificates": as update-ca-certificates(8), all of
// /usr/share/ca-certificates: the list, the bundle, the links by name and those
// by hash that OpenSSL looks for.
Status GenerateCertificates(Tree* tree);

// "library-cache": /etc/ld.so.cache, as ldconfig(8).
Status GenerateLibraryCache(Tree* tree);

// "hardware-database": /usr/lib/udev/hwdb.bin, as systemd-hwdb(8) --usr update.
Status GenerateHardwareDatabase(Tree* tree);

// "message-catalog": as journalctl(1) --update-catalog.
Status GenerateMessageCatalog(Tree* tree);

// "debconf": the questions of the packages' templates, none answered.
Status GenerateDebconf(Tree* tree);

// The generator of this name; fails on others.
Status Generate(std::string_view name, Tree* tree);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_GENERATORS_H_
