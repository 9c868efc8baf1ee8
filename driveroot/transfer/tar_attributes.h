// SPDX-License-Identifier: Apache-2.0
//
// An inode's attributes as a tar entry tells them. Thread-safe.
#ifndef DRIVEROOT_TRANSFER_TAR_ATTRIBUTES_H_
#define DRIVEROOT_TRANSFER_TAR_ATTRIBUTES_H_

#include "driveroot/transfer/tree.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

// Times that a volume cannot hold become the nearest that it can.
Attributes ToAttributes(const TarEntry& entry);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_TAR_ATTRIBUTES_H_
