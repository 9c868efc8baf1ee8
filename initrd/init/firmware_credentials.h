// SPDX-License-Identifier: Apache-2.0
//
// The token comes to some machines in the firmware's tables, which the kernel
// shows in /sys to root, and of which systemd makes files in
// /run/credentials/@system. The daemon has it by then, and the booted system
// needs none of it: what it sees are tables without it. Root can still uncover
// them; nothing else hands the token on.
#ifndef INITRD_INIT_FIRMWARE_CREDENTIALS_H_
#define INITRD_INIT_FIRMWARE_CREDENTIALS_H_

#include <string>

#include "driveroot/base/result.h"

namespace driveroot {

// `table` with dashes in place of the SMBIOS strings that hold the credential
// driveroot.credentials, as long as it was. Pure.
std::string WithoutToken(std::string table);

// Mounts such copies, kept in `folder`, over the files below `sys` that hold
// it. To be called before /sys is moved to the new root.
Status CoverToken(const std::string& sys, const std::string& folder);

}  // namespace driveroot

#endif  // INITRD_INIT_FIRMWARE_CREDENTIALS_H_
