// SPDX-License-Identifier: Apache-2.0
//
// Starts the driveroot daemon, which serves the new root from then on.
#ifndef INITRD_INIT_DAEMON_H_
#define INITRD_INIT_DAEMON_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "initrd/console/console.h"
#include "initrd/init/settings.h"
#include "initrd/process/children.h"

namespace driveroot {

inline constexpr char kNewRoot[] = "/sysroot";

// The daemon's argv.
std::vector<std::string> DaemonArguments(const Settings& settings);

// Writes what the daemon reads: the credentials and the certificate
// authorities. They stay in the initramfs, which the new root never sees.
Status WriteDaemonFiles(const Settings& settings);

// Starts the daemon and waits until it has mounted kNewRoot, with its progress
// on the console. An error ends with what the daemon said last; nothing is
// mounted then and the daemon is gone.
Result<pid_t> MountNewRoot(const Settings& settings, Console& console,
                           Children& children);

// Unmounts kNewRoot and waits for the daemon to end.
void UnmountNewRoot(pid_t daemon, Console& console, Children& children);

}  // namespace driveroot

#endif  // INITRD_INIT_DAEMON_H_
