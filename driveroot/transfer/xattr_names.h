// SPDX-License-Identifier: Apache-2.0
//
// Attributes of other systems: archives hold any names, Linux only those of its
// namespaces (xattr(7)).
#ifndef DRIVEROOT_TRANSFER_XATTR_NAMES_H_
#define DRIVEROOT_TRANSFER_XATTR_NAMES_H_

#include "driveroot/base/tar/tar.h"
#include "driveroot/transfer/transfer_notes.h"

namespace driveroot {

// Makes the attributes of `entry` such that Linux can have them, and notes what
// it changes: names of other systems get "user." before them, where the node
// may have such ones and they fit; else they are left out.
void FitXattrs(TarEntry* entry, TransferNotes* notes);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_XATTR_NAMES_H_
