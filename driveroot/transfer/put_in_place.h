// SPDX-License-Identifier: Apache-2.0
//
// The last step of an import: a tree that was built beside the old one takes
// its place. The caller holds the volume's write lock.
#ifndef DRIVEROOT_TRANSFER_PUT_IN_PLACE_H_
#define DRIVEROOT_TRANSFER_PUT_IN_PLACE_H_

#include "driveroot/volume/metadata.h"

namespace driveroot {

// Makes the root directory what the directory `top_number` is, which no name
// refers to, and removes all that was in it before. It is gone then.
void PutTreeInPlace(Metadata& metadata, InodeNumber top_number);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_PUT_IN_PLACE_H_
