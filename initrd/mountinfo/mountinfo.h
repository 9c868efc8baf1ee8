// SPDX-License-Identifier: Apache-2.0
//
// The mounts that a process sees, for the programs of the initramfs.
#ifndef INITRD_MOUNTINFO_MOUNTINFO_H_
#define INITRD_MOUNTINFO_MOUNTINFO_H_

#include "driveroot/base/mountinfo.h"  // IWYU pragma: export

#endif  // INITRD_MOUNTINFO_MOUNTINFO_H_
