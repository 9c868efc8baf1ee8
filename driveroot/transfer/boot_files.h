// SPDX-License-Identifier: Apache-2.0
//
// From a volume's boot trace to the files that lie in it.
#ifndef DRIVEROOT_TRANSFER_BOOT_FILES_H_
#define DRIVEROOT_TRANSFER_BOOT_FILES_H_

#include <string>
#include <vector>

#include "driveroot/volume/metadata.h"

namespace driveroot {

// The paths, relative to the root directory, of the files that have a part in a
// frame of the boot trace, in the order of these parts: what
// ImportOptions::boot_files takes. A file with several names has one here.
std::vector<std::string> BootFiles(const Metadata& metadata);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_BOOT_FILES_H_
