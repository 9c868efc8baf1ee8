// SPDX-License-Identifier: Apache-2.0
//
// Whole files, read and written in one call. Thread-safe.
//
// Errors are those of Error::FromErrno, with a message that names the path.
#ifndef DRIVEROOT_BASE_FILES_H_
#define DRIVEROOT_BASE_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// The bytes of a file. kFileTooLarge when there are more than `max_bytes`, so
// that no mistake in a path fills the memory. Works for /proc and /sys, whose
// files do not know their size.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

// Writes all of `bytes` at the descriptor's position; `path` is for messages.
Status WriteFully(int fd, std::string_view bytes, std::string_view path);

// Replaces or makes a file by a rename, so that whoever reads it, at any time
// and after any crash of this process, finds the old bytes or the new ones.
Status ReplaceFile(const std::string& path, std::string_view bytes,
                   mode_t mode);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_FILES_H_
