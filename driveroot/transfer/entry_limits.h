// SPDX-License-Identifier: Apache-2.0
//
// What an entry of an archive or a folder may be: what Linux can hold, which an
// archive need not respect (volume/limits.h). Thread-safe.
#ifndef DRIVEROOT_TRANSFER_ENTRY_LIMITS_H_
#define DRIVEROOT_TRANSFER_ENTRY_LIMITS_H_

#include "driveroot/base/result.h"
#include "driveroot/base/tar/tar.h"

namespace driveroot {

// kInvalidArgument: the entry can not be stored; the message names it and says
// why.
Status CheckEntryLimits(const TarEntry& entry);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_ENTRY_LIMITS_H_
