// SPDX-License-Identifier: Apache-2.0
//
// Measurements of one large file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "tools/fsbench/measurement.h"

namespace driveroot::fsbench {
namespace {

constexpr size_t kSequentialBytes = 128 << 10;  // what cp(1) writes at once
constexpr size_t kRandomBytes = 4096;

// Bytes that compress like programs do, about to a half.
std::string SomeBytes(size_t length) {
  std::mt19937 random(1);
  std::string bytes(length, '\0');
  for (size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<char>(random() & (i / 16 % 2 == 0 ? 0xff : 0x03));
  }
  return bytes;
}

class LargeFile {
 public:
  LargeFile(const std::string& folder, const Sizes& sizes)
      : path_(folder + "/large"),
        blocks_(std::max<uint64_t>(1, sizes.file_bytes / kSequentialBytes)),
        random_operations_(sizes.random_operations),
        syncs_(sizes.syncs),
        bytes_(SomeBytes(2 * kSequentialBytes)) {}

  Result<uint64_t> Write() const {
    const UniqueFd fd(
        open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.valid()) return Failed(path_);
    for (uint64_t i = 0; i < blocks_; ++i) {
      // No two blocks are the same, which a file system might notice.
      const std::string_view block = std::string_view(bytes_).substr(
          i % kSequentialBytes, kSequentialBytes);
      DRIVEROOT_RETURN_IF_ERROR(WriteFully(fd.get(), block, path_));
    }
    return size();
  }

  Result<uint64_t> Read() const {
    const UniqueFd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    std::string buffer(kSequentialBytes, '\0');
    ssize_t count;
    while ((count = read(fd.get(), buffer.data(), buffer.size())) > 0) {
    }
    if (count < 0) return Failed(path_);
    return size();
  }

  Result<uint64_t> RandomRead() const {
    const UniqueFd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    std::string buffer(kRandomBytes, '\0');
    std::mt19937_64 random(2);
    for (uint64_t i = 0; i < random_operations_; ++i) {
      if (pread(fd.get(), buffer.data(), buffer.size(), Offset(random)) < 0) {
        return Failed(path_);
      }
    }
    return random_operations_;
  }

  Result<uint64_t> RandomWrite() const {
    const UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    std::mt19937_64 random(3);
    for (uint64_t i = 0; i < random_operations_; ++i) {
      if (pwrite(fd.get(), bytes_.data() + i % kRandomBytes, kRandomBytes,
                 Offset(random)) < 0) {
        return Failed(path_);
      }
    }
    return random_operations_;
  }

  Result<uint64_t> Sync() const {
    const UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    for (uint64_t i = 0; i < syncs_; ++i) {
      if (pwrite(fd.get(), bytes_.data(), kRandomBytes, 0) < 0 ||
          fsync(fd.get()) != 0) {
        return Failed(path_);
      }
    }
    return syncs_;
  }

  Status Remove() const {
    if (unlink(path_.c_str()) != 0) return Failed(path_);
    return {};
  }

 private:
  uint64_t size() const { return blocks_ * kSequentialBytes; }
  off_t Offset(std::mt19937_64& random) const {
    return static_cast<off_t>(random() % (size() / kRandomBytes) *
                              kRandomBytes);
  }

  const std::string path_;
  const uint64_t blocks_;
  const uint64_t random_operations_;
  const uint64_t syncs_;
  const std::string bytes_;
};

}  // namespace

void AddLargeFileMeasurements(const std::string& folder, const Sizes& sizes,
                              std::vector<Measurement>& list) {
  const auto file = std::make_shared<LargeFile>(folder, sizes);
  list.push_back({.name = "sequential write",
                  .unit = "bytes",
                  .prepare = nullptr,
                  .run = [file] { return file->Write(); }});
  list.push_back({.name = "sequential read, cached",
                  .unit = "bytes",
                  // Whatever writing left out of the cache.
                  .prepare = [file]() -> Status {
                    DRIVEROOT_RETURN_IF_ERROR(file->Read());
                    return {};
                  },
                  .run = [file] { return file->Read(); }});
  list.push_back({.name = "random read 4K, cached",
                  .unit = "reads",
                  .prepare = nullptr,
                  .run = [file] { return file->RandomRead(); }});
  list.push_back({.name = "random write 4K",
                  .unit = "writes",
                  .prepare = nullptr,
                  .run = [file] { return file->RandomWrite(); }});
  list.push_back(
      {.name = "write 4K + fsync",
       .unit = "syncs",
       .prepare = nullptr,
       .run = [file]() -> Result<uint64_t> { return file->Sync(); }});
  list.push_back({.name = "unlink large",
                  .unit = "files",
                  .prepare = nullptr,
                  .run = [file]() -> Result<uint64_t> {
                    DRIVEROOT_RETURN_IF_ERROR(file->Remove());
                    return uint64_t{1};
                  }});
}

}  // namespace driveroot::fsbench
