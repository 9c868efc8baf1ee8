// SPDX-License-Identifier: Apache-2.0
//
// Sequential bytes in and out: what the tar reader and writer run over, so that
// an archive may be a file, a pipe, a string or a decompressor.
//
// No class here locks: use one object from one thread at a time.
#ifndef DRIVEROOT_BASE_TAR_BYTE_STREAM_H_
#define DRIVEROOT_BASE_TAR_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"

namespace driveroot {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills a prefix of `buffer`, which must not be empty, and returns its
  // length in bytes; 0 means the end of the stream, and only that.
  virtual Result<size_t> Read(std::span<char> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Takes all of `bytes` or fails; after a failure the sink is of no use.
  virtual Status Write(std::string_view bytes) = 0;
};

// Fills the whole of `buffer` unless the stream ends; returns the bytes read.
Result<size_t> ReadFully(ByteSource& source, std::span<char> buffer);

// Reads to the end of `source`. Fails with kDataLoss when that gives more than
// `limit` bytes, so that a small hostile input cannot fill the memory.
Result<std::string> ReadAll(ByteSource& source, size_t limit);

// Reads from a string that outlives it.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string_view bytes) : rest_(bytes) {}
  Result<size_t> Read(std::span<char> buffer) override;

 private:
  std::string_view rest_;
};

// Appends to a string that outlives it.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::string* target) : target_(target) {}
  Status Write(std::string_view bytes) override;

 private:
  std::string* target_;
};

// Reads from a descriptor that it neither owns nor closes. `name` is what error
// messages call the stream.
class FdSource final : public ByteSource {
 public:
  FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Result<size_t> Read(std::span<char> buffer) override;

 private:
  int fd_;
  std::string name_;
};

// Looks ahead in another source, and counts what it took from it.
class BufferedSource final : public ByteSource {
 public:
  // `input` outlives this.
  explicit BufferedSource(ByteSource* input) : input_(input) {}

  // The bytes that come next, at least one unless the stream is at its end.
  // Good until the next call.
  Result<std::string_view> Peek();
  // The same, but at least `count` bytes, at most kBytes, unless it ends before
  // that.
  Result<std::string_view> Peek(size_t count);
  // Drops so many of the bytes that Peek() gave.
  void Consume(size_t count) { begin_ += count; }
  Result<size_t> Read(std::span<char> buffer) override;

  uint64_t bytes_read() const { return bytes_read_; }

  static constexpr size_t kBytes = 128 * 1024;

 private:
  ByteSource* input_;
  std::string buffer_ = std::string(kBytes, '\0');
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
  uint64_t bytes_read_ = 0;
};

// Writes to a descriptor that it neither owns nor closes, without buffering.
class FdSink final : public ByteSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Status Write(std::string_view bytes) override;

 private:
  int fd_;
  std::string name_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_TAR_BYTE_STREAM_H_
