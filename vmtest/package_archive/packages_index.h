// SPDX-License-Identifier: Apache-2.0
//
// The index of an apt archive, as the Debian wiki's "Repository format" page
// has it under "Packages Indices". Pure functions.
#ifndef DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGES_INDEX_H_
#define DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGES_INDEX_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot::vmtest {

// One package's paragraph: its control file and how to fetch it, which is
// "./`file_name`". `archive` is the package's bytes. kDataLoss: it is none.
Result<std::string> PackagesParagraph(const std::string& file_name,
                                      std::string_view archive);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_PACKAGE_ARCHIVE_PACKAGES_INDEX_H_
