// SPDX-License-Identifier: Apache-2.0
//
// What the data folder's owners need beyond driveroot/base/files.h.
#ifndef VMTEST_FAKEDRIVE_SERVER_FILES_H_
#define VMTEST_FAKEDRIVE_SERVER_FILES_H_

#include <cstdint>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"

namespace driveroot::fakedrive {

// No file that holds JSON or a certificate is larger.
inline constexpr uint64_t kMaxSmallFileBytes = uint64_t{4} << 20;

bool FileExists(const std::string& path);

// Makes a folder (0700) unless it is there.
Status MakeFolder(const std::string& path);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_FILES_H_
