// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace driveroot::fakedrive {

bool FileExists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(
        Error::FromErrno(errno, "cannot make the folder " + path));
  return {};
}

}  // namespace driveroot::fakedrive
