// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "driveroot/base/unique_fd.h"

namespace driveroot {

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  constexpr size_t kChunkBytes = 64 * 1024;
  std::string bytes;
  while (true) {
    const size_t filled = bytes.size();
    bytes.resize(filled + kChunkBytes);
    const ssize_t count = read(fd.get(), bytes.data() + filled, kChunkBytes);
    if (count < 0 && errno == EINTR) {
      bytes.resize(filled);
      continue;
    }
    if (count < 0) {
      return std::unexpected(Error::FromErrno(errno, "cannot read " + path));
    }
    bytes.resize(filled + static_cast<size_t>(count));
    if (bytes.size() > max_bytes) {
      return Fail(ErrorCode::kFileTooLarge,
                  path + " has more than " + std::to_string(max_bytes) +
                      " bytes, so it cannot be what is wanted here");
    }
    if (count == 0) return bytes;
  }
}

Status WriteFully(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot write " + std::string(path)));
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Status ReplaceFile(const std::string& path, std::string_view bytes,
                   mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot create " + path));
  }
  Status status = WriteFully(fd.get(), bytes, path);
  if (status && fchmod(fd.get(), mode) != 0) {
    status = std::unexpected(Error::FromErrno(errno, "cannot chmod " + path));
  }
  if (status && rename(temporary.c_str(), path.c_str()) != 0) {
    status = std::unexpected(Error::FromErrno(errno, "cannot create " + path));
  }
  if (!status) unlink(temporary.c_str());
  return status;
}

}  // namespace driveroot
