// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/body.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot::fakedrive {
Status Body::Append(std::string_view data) {
  if (!file_.valid() && size_ + data.size() > kMemoryLimit) {
    UniqueFd file(
        open(spool_folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file.valid())
      return std::unexpected(Error::FromErrno(
          errno, "cannot make a spool file in " + spool_folder_));
    DRIVEROOT_RETURN_IF_ERROR(
        WriteFully(file.get(), memory_, "a request's spool file"));
    file_ = std::move(file);
    memory_ = std::string();
  }
  if (file_.valid()) {
    DRIVEROOT_RETURN_IF_ERROR(
        WriteFully(file_.get(), data, "a request's spool file"));
  } else {
    memory_.append(data);
  }
  size_ += data.size();
  return {};
}

Result<std::string> Body::Read(uint64_t offset, uint64_t length) const {
  if (offset > size_ || length > size_ - offset)
    return Fail(ErrorCode::kInternal, "a read past the end of a request body");
  if (!file_.valid()) return memory_.substr(offset, length);
  std::string bytes(length, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(file_.get(), bytes.data() + done, bytes.size() - done,
              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return std::unexpected(
          Error::FromErrno(errno, "cannot read a request's spool file"));
    done += static_cast<size_t>(got);
  }
  return bytes;
}

Result<std::string> Body::ReadAll(uint64_t limit) const {
  if (size_ > limit)
    return Fail(ErrorCode::kInvalidArgument, "the request body is too large");
  return Read(0, size_);
}

}  // namespace driveroot::fakedrive
