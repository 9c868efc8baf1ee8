// SPDX-License-Identifier: Apache-2.0
//
// Random reads, writes, mappings, truncations, holes and copies on files of a
// mounted volume, compared with what they should hold. A failure names the seed
// and the number of the step.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

// A file and what it should hold.
class Exerciser {
 public:
  Exerciser(std::string path, unsigned seed, size_t max_size)
      : path_(std::move(path)), random_(seed), max_size_(max_size) {
    Open(O_CREAT | O_TRUNC);
  }

  // One random step.
  void Step() {
    switch (Below(12)) {
      case 0:
      case 1:
        return Write();
      case 2:
      case 3:
        return Read();
      case 4:
        return MapWrite();
      case 5:
        return MapRead();
      case 6:
        return Truncate();
      case 7:
        return Hole(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
      case 8:
        return Hole(FALLOC_FL_ZERO_RANGE);
      case 9:
        return Copy();
      case 10:
        return Allocate();
      default:
        return Reopen();
    }
  }

  void CheckAll() {
    std::string bytes(max_size_ + 1, '?');
    const ssize_t count = pread(fd_.get(), bytes.data(), bytes.size(), 0);
    ASSERT_EQ(count, static_cast<ssize_t>(expected_.size()));
    bytes.resize(expected_.size());
    CheckSame(bytes, 0);
    CheckSeek();
  }

  void Open(int more_flags = 0) {
    fd_ = UniqueFd(open(path_.c_str(), O_RDWR | O_CLOEXEC | more_flags, 0644));
    ASSERT_TRUE(fd_.valid()) << path_;
  }
  void Close() { fd_.Reset(); }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  // Small more often than large, and often at the bounds of pages.
  std::pair<size_t, size_t> Range(size_t end) {
    size_t offset = Below(end);
    size_t length = 1 + Below(Below(3) == 0 ? max_size_ / 2 : 9000);
    if (Below(3) == 0) offset &= ~size_t{4095};
    if (Below(3) == 0) length = (length + 4095) & ~size_t{4095};
    return {offset, std::max<size_t>(1, std::min(length, end - offset))};
  }

  std::string RandomBytes(size_t length) {
    std::string bytes(length, '\0');
    const size_t kind = Below(3);
    for (char& byte : bytes) {
      byte = static_cast<char>(kind == 0 ? 'a' + Below(3) : 1 + Below(255));
      if (kind == 1) break;
    }
    return bytes;
  }

  void CheckSame(const std::string& bytes, size_t offset) {
    const auto [at, other] =
        std::mismatch(bytes.begin(), bytes.end(),
                      expected_.begin() + static_cast<long>(offset));
    ASSERT_EQ(at, bytes.end())
        << "differs at " << offset + static_cast<size_t>(at - bytes.begin());
  }

  void Write() {
    const auto [offset, length] = Range(max_size_);
    const std::string bytes = RandomBytes(length);
    ASSERT_EQ(
        pwrite(fd_.get(), bytes.data(), length, static_cast<off_t>(offset)),
        static_cast<ssize_t>(length));
    Grow(offset + length);
    expected_.replace(offset, length, bytes);
  }

  void Grow(size_t size) {
    if (expected_.size() < size) expected_.resize(size, '\0');
  }

  void Read() {
    if (expected_.empty()) return;
    const auto [offset, length] = Range(expected_.size());
    std::string bytes(length, '?');
    ASSERT_EQ(
        pread(fd_.get(), bytes.data(), length, static_cast<off_t>(offset)),
        static_cast<ssize_t>(length));
    CheckSame(bytes, offset);
  }

  // Calls `action` with the bytes of a range, mapped.
  template <typename Action>
  void Mapped(int protection, const Action& action) {
    if (expected_.empty()) return;
    const auto [offset, length] = Range(expected_.size());
    const size_t begin = offset & ~size_t{4095};
    void* mapping = mmap(nullptr, offset + length - begin, protection,
                         MAP_SHARED, fd_.get(), static_cast<off_t>(begin));
    ASSERT_NE(mapping, MAP_FAILED);
    action(static_cast<char*>(mapping) + (offset - begin), offset, length);
    if (Below(4) == 0) {
      EXPECT_EQ(msync(mapping, offset + length - begin, MS_ASYNC), 0);
    }
    ASSERT_EQ(munmap(mapping, offset + length - begin), 0);
  }

  void MapWrite() {
    Mapped(PROT_READ | PROT_WRITE,
           [this](char* memory, size_t offset, size_t length) {
             const std::string bytes = RandomBytes(length);
             std::memcpy(memory, bytes.data(), length);
             expected_.replace(offset, length, bytes);
           });
  }

  void MapRead() {
    Mapped(PROT_READ, [this](const char* memory, size_t offset, size_t length) {
      CheckSame(std::string(memory, length), offset);
    });
  }

  void Truncate() {
    const size_t size = Below(max_size_);
    ASSERT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    expected_.resize(size, '\0');
  }

  void Hole(int mode) {
    const auto [offset, length] = Range(max_size_);
    if (mode == FALLOC_FL_ZERO_RANGE && Below(2) == 0) {
      mode |= FALLOC_FL_KEEP_SIZE;
    }
    ASSERT_EQ(fallocate(fd_.get(), mode, static_cast<off_t>(offset),
                        static_cast<off_t>(length)),
              0);
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0) Grow(offset + length);
    if (offset >= expected_.size()) return;
    const size_t inside = std::min(length, expected_.size() - offset);
    expected_.replace(offset, inside, inside, '\0');
  }

  void Allocate() {
    const auto [offset, length] = Range(max_size_);
    const bool keep = Below(2) == 0;
    ASSERT_EQ(fallocate(fd_.get(), keep ? FALLOC_FL_KEEP_SIZE : 0,
                        static_cast<off_t>(offset), static_cast<off_t>(length)),
              0);
    if (!keep) Grow(offset + length);
  }

  void Copy() {
    if (expected_.empty()) return;
    const auto [from, wanted] = Range(expected_.size());
    const size_t to = Below(max_size_);
    const size_t length = std::min(wanted, max_size_ - to);
    auto from_offset = static_cast<off_t>(from);
    auto to_offset = static_cast<off_t>(to);
    const ssize_t count = copy_file_range(fd_.get(), &from_offset, fd_.get(),
                                          &to_offset, length, 0);
    const bool overlap = from < to + length && to < from + length;
    if (overlap) {
      ASSERT_EQ(count, -1);
      ASSERT_EQ(errno, EINVAL);
      return;
    }
    ASSERT_EQ(count, static_cast<ssize_t>(length));
    const std::string bytes = expected_.substr(from, length);
    Grow(to + length);
    expected_.replace(to, length, bytes);
  }

  void Reopen() {
    switch (Below(4)) {
      case 0:
        ASSERT_EQ(fdatasync(fd_.get()), 0);
        break;
      case 1:
        // Dirty pages of mappings stay, so they are written first.
        ASSERT_EQ(fdatasync(fd_.get()), 0);
        ASSERT_EQ(posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
        break;
      default:
        Open();
    }
  }

  // No byte but zero lies in what lseek calls a hole.
  void CheckSeek() {
    const auto size = static_cast<off_t>(expected_.size());
    for (off_t at = 0; at < size;) {
      off_t data = lseek(fd_.get(), at, SEEK_DATA);
      if (data < 0) {
        ASSERT_EQ(errno, ENXIO);
        data = size;
      }
      const std::string hole = expected_.substr(static_cast<size_t>(at),
                                                static_cast<size_t>(data - at));
      ASSERT_EQ(hole.find_first_not_of('\0'), std::string::npos) << at;
      if (data == size) break;
      at = lseek(fd_.get(), data, SEEK_HOLE);
      ASSERT_GT(at, data);
    }
  }

  const std::string path_;
  std::mt19937 random_;
  const size_t max_size_;
  std::string expected_;
  UniqueFd fd_;
};

class DataExerciserTest : public testing::TestWithParam<unsigned> {};

TEST_P(DataExerciserTest, FilesHoldWhatWasWritten) {
  if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  constexpr int kSteps = 1500;
  // Commits come between the steps, and data is read back from the store.
  auto mount = TestMount::Make({"--commit_interval_ms=50", "--cache_mb=1"});
  ASSERT_TRUE(mount) << mount.error();
  Exerciser small((*mount)->path() + "/small", GetParam(), 40'000);
  Exerciser large((*mount)->path() + "/large", GetParam() + 1000, 1'500'000);
  for (int i = 0; i < kSteps && !HasFailure(); ++i) {
    SCOPED_TRACE(std::format("seed {}, step {}", GetParam(), i));
    small.Step();
    large.Step();
  }
  small.CheckAll();
  large.CheckAll();
  small.Close();
  large.Close();
  ASSERT_TRUE((*mount)->Unmount());
  ASSERT_TRUE((*mount)->Mount());
  small.Open();
  large.Open();
  small.CheckAll();
  large.CheckAll();
  small.Close();
  large.Close();
}

INSTANTIATE_TEST_SUITE_P(Seeds, DataExerciserTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace driveroot
