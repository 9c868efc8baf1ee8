// SPDX-License-Identifier: Apache-2.0
//
// The last steps of the initramfs: everything the new root needs is put into
// /run, the kernel's file systems move over, and the new root's init takes the
// place of this process. The daemon keeps the initramfs as its root.
#ifndef INITRD_INIT_HANDOVER_H_
#define INITRD_INIT_HANDOVER_H_

#include <span>
#include <string>

#include "driveroot/base/result.h"
#include "initrd/console/console.h"
#include "initrd/init/network.h"

namespace driveroot {

// The path, inside kNewRoot, of the program that becomes the first process.
// Resolved inside the new root, so that absolute symlinks mean what they mean
// there.
Result<std::string> FindInit();

// Writes the files for the new root. A failure of one is reported on the
// console and does not stop the boot.
void PrepareRuntime(const Connection& connection, Console& console);

// The same for what depends on the new root, which is mounted.
void FitRuntimeToRoot(const Connection& connection, Console& console);

// Enters kNewRoot and executes `init` there with `arguments` (argv after the
// first). Returns only when it failed; there is no way back then.
Error EnterNewRoot(const std::string& init, std::span<char*> arguments);

}  // namespace driveroot

#endif  // INITRD_INIT_HANDOVER_H_
