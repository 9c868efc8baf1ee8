// SPDX-License-Identifier: Apache-2.0
//
// One file that is changed in every way there is (write, O_DIRECT, asynchronous
// O_DIRECT, shared mapping, copy_file_range, fallocate, truncate) while others
// read all of it again and again, so that the page cache is always full of what
// was: after each change every way of reading must show what was written last.
// The rounds are the same on a local file system, which shows that the test
// asks for what Linux promises.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <format>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMaxBytes = 160 * kPage;
constexpr int kRounds = 400;

// Memory that O_DIRECT takes.
class AlignedBytes {
 public:
  AlignedBytes() : bytes_(new(std::align_val_t{kPage}) char[kMaxBytes]) {}
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  ~AlignedBytes() { operator delete[](bytes_, std::align_val_t{kPage}); }

  char* data() { return bytes_; }
  std::string_view View(size_t size) const { return {bytes_, size}; }

 private:
  char* bytes_;
};

// A context of io_submit(2).
class AsynchronousWriter {
 public:
  AsynchronousWriter() {
    EXPECT_EQ(syscall(SYS_io_setup, 1, &context_), 0) << strerror(errno);
  }
  AsynchronousWriter(const AsynchronousWriter&) = delete;
  AsynchronousWriter& operator=(const AsynchronousWriter&) = delete;
  ~AsynchronousWriter() { syscall(SYS_io_destroy, context_); }

  // Bytes written, when they are.
  int64_t Write(int fd, const char* bytes, size_t size, uint64_t offset) {
    iocb request = {};
    request.aio_lio_opcode = IOCB_CMD_PWRITE;
    request.aio_fildes = static_cast<uint32_t>(fd);
    request.aio_buf = reinterpret_cast<uint64_t>(bytes);
    request.aio_nbytes = size;
    request.aio_offset = static_cast<int64_t>(offset);
    iocb* requests[] = {&request};
    if (syscall(SYS_io_submit, context_, 1, requests) != 1) return -errno;
    io_event event = {};
    if (syscall(SYS_io_getevents, context_, 1, 1, &event, nullptr) != 1) {
      return -errno;
    }
    return event.res;
  }

 private:
  aio_context_t context_ = 0;
};

// Reads a whole file again and again, by calls and through a mapping, for as
// long as this object lives.
class Readers {
 public:
  explicit Readers(const std::string& path) {
    for (int i = 0; i < 2; ++i) {
      threads_.emplace_back([this, path](const std::stop_token& stop) {
        const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        std::string bytes(kMaxBytes, '\0');
        while (!stop.stop_requested()) {
          if (pread(fd.get(), bytes.data(), bytes.size(), 0) < 0) ++failures_;
          std::this_thread::yield();
        }
      });
    }
  }
  int failures() const { return failures_; }

 private:
  std::atomic<int> failures_ = 0;
  std::vector<std::jthread> threads_;
};

class PageCacheExerciser {
 public:
  PageCacheExerciser(const std::string& folder, unsigned seed)
      : path_(folder + "/file"), random_(seed) {
    buffered_ = Open(path_, O_RDWR | O_CREAT);
    direct_ = Open(path_, O_RDWR | O_DIRECT);
    source_ = Open(folder + "/source", O_RDWR | O_CREAT);
    source_bytes_.resize(kMaxBytes);
    for (char& byte : source_bytes_) byte = RandomByte();
    EXPECT_EQ(pwrite(source_.get(), source_bytes_.data(), kMaxBytes, 0),
              static_cast<ssize_t>(kMaxBytes));
    expected_ = source_bytes_;
    EXPECT_EQ(pwrite(buffered_.get(), expected_.data(), kMaxBytes, 0),
              static_cast<ssize_t>(kMaxBytes));
    mapping_ =
        static_cast<char*>(mmap(nullptr, kMaxBytes, PROT_READ | PROT_WRITE,
                                MAP_SHARED, buffered_.get(), 0));
    EXPECT_NE(mapping_, MAP_FAILED);
  }
  PageCacheExerciser(const PageCacheExerciser&) = delete;
  PageCacheExerciser& operator=(const PageCacheExerciser&) = delete;
  ~PageCacheExerciser() { munmap(mapping_, kMaxBytes); }

  void Run() {
    const Readers readers(path_);
    for (int round = 0; round < kRounds && !testing::Test::HasFailure();
         ++round) {
      const std::string change = Change();
      SCOPED_TRACE(std::format("round {}: {}", round, change));
      CheckBuffered();
      CheckMapped();
      if (Below(4) == 0) CheckDirect();
    }
    EXPECT_EQ(readers.failures(), 0);
  }

 private:
  static UniqueFd Open(const std::string& path, int flags) {
    UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC, 0644));
    EXPECT_TRUE(fd.valid()) << path << ": " << strerror(errno);
    return fd;
  }

  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  char RandomByte() { return static_cast<char>(1 + Below(255)); }

  // Pages from..to, at least one.
  std::pair<size_t, size_t> Pages() {
    const size_t pages = kMaxBytes / kPage;
    // Often all: many requests for one call.
    if (Below(3) == 0) return {0, kMaxBytes};
    const size_t first = Below(pages);
    return {first * kPage, (1 + Below(pages - first)) * kPage};
  }
  std::pair<size_t, size_t> Bytes() {
    const size_t offset = Below(kMaxBytes - 1);
    return {offset, 1 + Below(kMaxBytes - offset)};
  }

  void Expect(size_t offset, std::string_view bytes) {
    expected_.resize(std::max(expected_.size(), offset + bytes.size()), '\0');
    expected_.replace(offset, bytes.size(), bytes);
  }

  // Does one of the changes; what was done.
  std::string Change() {
    switch (Below(8)) {
      case 0: {
        const auto [offset, size] = Bytes();
        return Write("write", buffered_.get(), offset, size);
      }
      case 1: {
        const auto [offset, size] = Pages();
        return Write("direct write", direct_.get(), offset, size);
      }
      case 2:
      case 3:
        return WriteAsynchronously();
      case 4:
        return WriteMapped();
      case 5:
        return Copy();
      case 6:
        return Allocate();
      default:
        return Truncate();
    }
  }

  void FillBuffer(size_t size) {
    std::memset(buffer_.data(), RandomByte(), size);
    buffer_.data()[Below(size)] = RandomByte();
  }

  std::string Write(const char* name, int fd, size_t offset, size_t size) {
    FillBuffer(size);
    EXPECT_EQ(pwrite(fd, buffer_.data(), size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size))
        << strerror(errno);
    Expect(offset, buffer_.View(size));
    return std::format("{} of {} bytes at {}", name, size, offset);
  }

  std::string WriteAsynchronously() {
    const auto [offset, size] = Pages();
    FillBuffer(size);
    EXPECT_EQ(writer_.Write(direct_.get(), buffer_.data(), size, offset),
              static_cast<int64_t>(size));
    Expect(offset, buffer_.View(size));
    return std::format("asynchronous write of {} bytes at {}", size, offset);
  }

  std::string WriteMapped() {
    if (expected_.empty()) return "nothing to map";
    const size_t offset = Below(expected_.size());
    const size_t size = 1 + Below(expected_.size() - offset);
    FillBuffer(size);
    std::memcpy(mapping_ + offset, buffer_.data(), size);
    Expect(offset, buffer_.View(size));
    return std::format("mapped write of {} bytes at {}", size, offset);
  }

  std::string Copy() {
    const auto [from, size] = Bytes();
    const size_t to = Below(kMaxBytes - size + 1);
    loff_t from_offset = static_cast<loff_t>(from);
    loff_t to_offset = static_cast<loff_t>(to);
    EXPECT_EQ(copy_file_range(source_.get(), &from_offset, buffered_.get(),
                              &to_offset, size, 0),
              static_cast<ssize_t>(size))
        << strerror(errno);
    Expect(to, std::string_view(source_bytes_).substr(from, size));
    return std::format("copy of {} bytes to {}", size, to);
  }

  std::string Allocate() {
    const auto [offset, size] = Bytes();
    const bool punch = Below(2) == 0;
    const int mode = punch ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
                           : FALLOC_FL_ZERO_RANGE;
    EXPECT_EQ(fallocate(buffered_.get(), mode, static_cast<off_t>(offset),
                        static_cast<off_t>(size)),
              0)
        << strerror(errno);
    const size_t end =
        punch ? std::min(expected_.size(), offset + size) : offset + size;
    if (end > offset) Expect(offset, std::string(end - offset, '\0'));
    return std::format("{} of {} bytes at {}", punch ? "hole" : "zeros", size,
                       offset);
  }

  std::string Truncate() {
    const size_t size = Below(4) == 0 ? Below(kMaxBytes) : kMaxBytes;
    EXPECT_EQ(ftruncate(buffered_.get(), static_cast<off_t>(size)), 0);
    expected_.resize(size, '\0');
    return std::format("truncate to {}", size);
  }

  void CheckSame(const char* how, std::string_view bytes) {
    ASSERT_EQ(bytes.size(), expected_.size()) << how;
    const auto [at, other] = std::ranges::mismatch(bytes, expected_);
    if (at == bytes.end()) return;
    size_t different = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      different += bytes[i] != expected_[i] ? 1 : 0;
    }
    FAIL() << how << ": " << different << " bytes are old, the first at "
           << at - bytes.begin() << " of " << bytes.size();
  }

  void CheckBuffered() {
    const ssize_t count = pread(buffered_.get(), read_.data(), kMaxBytes, 0);
    ASSERT_GE(count, 0) << strerror(errno);
    CheckSame("read", read_.View(static_cast<size_t>(count)));
  }

  void CheckDirect() {
    const ssize_t count = pread(direct_.get(), read_.data(), kMaxBytes, 0);
    ASSERT_GE(count, 0) << strerror(errno);
    CheckSame("direct read", read_.View(static_cast<size_t>(count)));
  }

  void CheckMapped() {
    CheckSame("mapping", std::string_view(mapping_, expected_.size()));
  }

  const std::string path_;
  std::mt19937 random_;
  UniqueFd buffered_;
  UniqueFd direct_;
  UniqueFd source_;
  AsynchronousWriter writer_;
  AlignedBytes buffer_;
  AlignedBytes read_;
  std::string source_bytes_;
  std::string expected_;
  char* mapping_ = nullptr;
};

class PageCacheTest : public testing::TestWithParam<unsigned> {};

TEST_P(PageCacheTest, EveryReaderSeesTheLastChange) {
  if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  auto mount = TestMount::Make({"--commit_interval_ms=50", "--cache_mb=1"});
  ASSERT_TRUE(mount) << mount.error();
  PageCacheExerciser((*mount)->path(), GetParam()).Run();
}

TEST_P(PageCacheTest, TheTestHoldsOnALocalFileSystem) {
  const LocalFolder local;
  if (!local.skip_reason().empty()) GTEST_SKIP() << local.skip_reason();
  PageCacheExerciser(local.path(), GetParam()).Run();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PageCacheTest, testing::Values(1, 2));

}  // namespace
}  // namespace driveroot
