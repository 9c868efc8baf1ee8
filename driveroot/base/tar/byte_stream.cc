// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/byte_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace driveroot {

Result<size_t> ReadFully(ByteSource& source, std::span<char> buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n,
                               source.Read(buffer.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

Result<std::string> ReadAll(ByteSource& source, size_t limit) {
  constexpr size_t kStep = 64 * 1024;
  std::string bytes;
  while (true) {
    const size_t old_size = bytes.size();
    bytes.resize(old_size + kStep);
    DRIVEROOT_ASSIGN_OR_RETURN(
        const size_t n,
        ReadFully(source, std::span<char>(bytes).subspan(old_size)));
    bytes.resize(old_size + n);
    if (bytes.size() > limit) {
      return Fail(ErrorCode::kDataLoss,
                  "stream is longer than " + std::to_string(limit) + " bytes");
    }
    if (n < kStep) return bytes;
  }
}

Result<size_t> StringSource::Read(std::span<char> buffer) {
  const size_t n = rest_.copy(buffer.data(), buffer.size());
  rest_.remove_prefix(n);
  return n;
}

Status StringSink::Write(std::string_view bytes) {
  target_->append(bytes);
  return {};
}

Result<size_t> FdSource::Read(std::span<char> buffer) {
  while (true) {
    const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) {
      return std::unexpected(Error::FromErrno(errno, "cannot read " + name_));
    }
  }
}

Result<std::string_view> BufferedSource::Peek() { return Peek(1); }

Result<std::string_view> BufferedSource::Peek(size_t count) {
  count = std::min(count, kBytes);
  if (end_ - begin_ < count && !at_end_) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < count && !at_end_) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n,
                               input_->Read(std::span(buffer_).subspan(end_)));
    at_end_ = n == 0;
    end_ += n;
    bytes_read_ += n;
  }
  return std::string_view(buffer_).substr(begin_, end_ - begin_);
}

Result<size_t> BufferedSource::Read(std::span<char> buffer) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view bytes, Peek());
  const size_t count = bytes.copy(buffer.data(), buffer.size());
  Consume(count);
  return count;
}

Status FdSink::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return std::unexpected(Error::FromErrno(errno, "cannot write " + name_));
    }
  }
  return {};
}

}  // namespace driveroot
