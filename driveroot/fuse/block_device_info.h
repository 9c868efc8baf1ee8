// SPDX-License-Identifier: Apache-2.0
//
// The kernel's read-ahead and write-back settings of one mount, which only
// /sys/class/bdi offers. Thread-safe.
#ifndef DRIVEROOT_FUSE_BLOCK_DEVICE_INFO_H_
#define DRIVEROOT_FUSE_BLOCK_DEVICE_INFO_H_

#include <sys/types.h>

namespace driveroot {

// Raises them to what a file system behind a network needs. What can't be set
// (no /sys, not root) stays as it is: that is slower, not wrong.
void TuneBlockDeviceInfo(dev_t device);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_BLOCK_DEVICE_INFO_H_
