// SPDX-License-Identifier: Apache-2.0
//
// The last steps of the initramfs: everything the new root needs is put into
// /run, the kernel's file systems move over, and the new root's init takes the
// place of this process. The daemon keeps the initramfs as its root.
#ifndef INITRD_INIT_HANDOVER_H_
#define INITRD_INIT_HANDOVER_H_

#include <span>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/console/console.h"
#include "initrd/init/network.h"
#include "initrd/init/root_init.h"
#include "initrd/init/settings.h"
#include "initrd/process/children.h"

namespace driveroot {

// Writes the files for the new root. A failure of one is reported on the
// console and does not stop the boot.
void PrepareRuntime(const Connection& connection, const Settings& settings,
                    Console& console);

// The same for what depends on the new root, which is mounted. All processes
// that stay in the initramfs are running.
void FitRuntimeToRoot(const Connection& connection, const RootInit& init,
                      Children& children, Console& console);

// Enters kNewRoot and executes `init` there with `arguments` (argv after the
// first), under the guard's eyes unless it is systemd. Returns only when it
// failed; there is no way back then.
Error EnterNewRoot(const RootInit& init, std::span<char*> arguments,
                   const UniqueFd& guard, Children& children, Console& console);

}  // namespace driveroot

#endif  // INITRD_INIT_HANDOVER_H_
