// SPDX-License-Identifier: Apache-2.0
//
// What the records of pax headers say of a member.
#ifndef DRIVEROOT_BASE_TAR_TAR_RECORDS_H_
#define DRIVEROOT_BASE_TAR_TAR_RECORDS_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/tar.h"
#include "driveroot/base/tar/tar_acl.h"
#include "driveroot/base/tar/tar_format.h"

namespace driveroot::tar_format {

// Applies all of them to `entry`, but for paths and sparse maps. Those that
// POSIX and this reader do not know are ignored, as POSIX asks; what is known
// and cannot be kept is added to `losses`, a few words each. kDataLoss: a
// record is malformed.
Status ApplyRecords(const Records& records, const OwnerLookup& lookup,
                    TarEntry* entry, std::vector<std::string>* losses);

}  // namespace driveroot::tar_format

#endif  // DRIVEROOT_BASE_TAR_TAR_RECORDS_H_
