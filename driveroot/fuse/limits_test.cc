// SPDX-License-Identifier: Apache-2.0
//
// What a mount does at the limits: sizes of files and of attributes, more data
// than memory, more entries than one request lists.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <format>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr off_t kLastByte = INT64_MAX - 1;

class LimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make({"--cache_mb=16"});
    ASSERT_TRUE(mount) << mount.error();
    mount_ = std::move(*mount);
  }

  std::string Path(const std::string& name) const {
    return mount_->path() + "/" + name;
  }

  UniqueFd Open(const std::string& name, int flags = O_RDWR | O_CREAT) const {
    return UniqueFd(open(Path(name).c_str(), flags | O_CLOEXEC, 0644));
  }

  void Remount() {
    ASSERT_TRUE(mount_->Unmount());
    ASSERT_TRUE(mount_->Mount());
  }

  // The most memory that the daemon had so far.
  uint64_t DaemonPeakBytes() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string folder = entry.path();
      const auto words = ReadFile(folder + "/cmdline", 1 << 16);
      if (!words || words->find(mount_->path()) == std::string::npos) continue;
      const auto status = ReadFile(folder + "/status", 1 << 16);
      if (!status) continue;
      const size_t at = status->find("VmHWM:");
      if (at == std::string::npos) continue;
      return std::stoull(status->substr(at + 6)) << 10;
    }
    ADD_FAILURE() << "there is no daemon";
    return 0;
  }

  std::unique_ptr<TestMount> mount_;
};

// The signal that ends a process that does this; 0: none does.
int SignalOf(const std::function<void()>& action) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none = {};
    setrlimit(RLIMIT_CORE, &none);
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(LimitsTest, FilesUpToTheLargestOffset) {
  {
    const UniqueFd file = Open("large");
    ASSERT_EQ(ftruncate(file.get(), INT64_MAX), 0);
    EXPECT_EQ(pwrite(file.get(), "z", 1, kLastByte), 1);
    EXPECT_EQ(pwrite(file.get(), "abc", 3, kLastByte - 2), 3);
    // The kernel refuses what would end beyond the largest offset.
    EXPECT_EQ(pwrite(file.get(), "x", 1, INT64_MAX), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(pwrite(file.get(), "middle", 6, off_t{1} << 60), 6);
    EXPECT_EQ(fallocate(file.get(), 0, INT64_MAX - 10, 11), -1);
    EXPECT_EQ(errno, EFBIG);
  }
  Remount();
  const UniqueFd file = Open("large", O_RDONLY);
  struct stat status = {};
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_EQ(status.st_size, INT64_MAX);
  EXPECT_LE(status.st_blocks, 64);
  char bytes[8] = {};
  EXPECT_EQ(pread(file.get(), bytes, 3, kLastByte - 2), 3);
  EXPECT_EQ(std::string(bytes), "abc");
  EXPECT_LE(lseek(file.get(), 0, SEEK_DATA), off_t{1} << 60);
  EXPECT_EQ(pread(file.get(), bytes, 6, off_t{1} << 60), 6);
  EXPECT_EQ(std::string(bytes), "middle");
}

TEST_F(LimitsTest, AProcessHasItsOwnLimitOfSizes) {
  const UniqueFd file = Open("file");
  const auto limited = [&](bool ignore, const std::function<bool()>& action) {
    return SignalOf([&] {
      if (ignore) signal(SIGXFSZ, SIG_IGN);
      const rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
      setrlimit(RLIMIT_FSIZE, &limit);
      // Another signal than the one that is asked about.
      if (!action()) raise(SIGUSR1);
    });
  };
  const std::string bytes(600, 'x');
  EXPECT_EQ(limited(true,
                    [&] {
                      return write(file.get(), bytes.data(), 600) == 600 &&
                             write(file.get(), bytes.data(), 600) == 400 &&
                             write(file.get(), bytes.data(), 600) == -1 &&
                             errno == EFBIG &&
                             ftruncate(file.get(), 2000) == -1 &&
                             errno == EFBIG;
                    }),
            0);
  EXPECT_EQ(
      limited(false, [&] { return pwrite(file.get(), "x", 1, 1000) == -1; }),
      SIGXFSZ);
  struct stat status = {};
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_EQ(status.st_size, 1000);
}

TEST_F(LimitsTest, MappingsEndWithTheFile) {
  const UniqueFd file = Open("file");
  ASSERT_EQ(ftruncate(file.get(), 3 * 4096), 0);
  auto* memory = static_cast<volatile char*>(mmap(
      nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(ftruncate(file.get(), 100), 0);
  EXPECT_EQ(SignalOf([&] { memory[200] = 'x'; }), 0);
  EXPECT_EQ(SignalOf([&] { memory[4096] = 'x'; }), SIGBUS);
  // What a mapping wrote behind the end is not there when the file grows.
  ASSERT_EQ(ftruncate(file.get(), 4096), 0);
  char byte = 'y';
  EXPECT_EQ(pread(file.get(), &byte, 1, 200), 1);
  EXPECT_EQ(byte, 0);
  munmap(const_cast<char*>(memory), 3 * 4096);
}

TEST_F(LimitsTest, AttributesAsLargeAsTheKernelAllows) {
  {
    const UniqueFd file = Open("file");
  }
  const std::string path = Path("file");
  const std::string large(64 << 10, 'v');
  ASSERT_EQ(setxattr(path.c_str(), "user.large", large.data(), large.size(), 0),
            0);
  int count = 0;
  while (true) {
    const std::string name =
        std::format("user.{:03}{}", count, std::string(200, 'n'));
    if (setxattr(path.c_str(), name.c_str(), "1", 1, 0) != 0) break;
    ++count;
  }
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_GT(count, 300);
  Remount();
  std::string names(64 << 10, '\0');
  const ssize_t size = listxattr(path.c_str(), names.data(), names.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::count(names.begin(), names.begin() + size, '\0'), count + 1);
  std::string value(64 << 10, '\0');
  EXPECT_EQ(getxattr(path.c_str(), "user.large", value.data(), value.size()),
            static_cast<ssize_t>(large.size()));
  EXPECT_EQ(value, large);
}

TEST_F(LimitsTest, ALargeFolderChangesWhileItIsListed) {
  constexpr int kEntries = 30'000;
  ASSERT_EQ(mkdir(Path("folder").c_str(), 0755), 0);
  UniqueFd folder = Open("folder", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kEntries; ++i) {
    const std::string name = std::to_string(i);
    ASSERT_EQ(mknodat(folder.get(), name.c_str(), S_IFREG | 0644, 0), 0);
  }
  // Every third goes when it is seen, and one comes for it.
  std::vector<int> seen(kEntries);
  for (const auto& entry :
       std::filesystem::directory_iterator(Path("folder"))) {
    const std::string name = entry.path().filename();
    if (name.starts_with("new")) continue;
    const int i = std::stoi(name);
    ++seen[static_cast<size_t>(i)];
    if (i % 3 != 0) continue;
    ASSERT_EQ(unlinkat(folder.get(), name.c_str(), 0), 0);
    const std::string other = "new" + name;
    ASSERT_EQ(mknodat(folder.get(), other.c_str(), S_IFREG | 0644, 0), 0);
  }
  EXPECT_EQ(std::ranges::count(seen, 1), kEntries);
  folder.Reset();
  Remount();
  const std::filesystem::directory_iterator all(Path("folder"));
  EXPECT_EQ(std::distance(begin(all), end(all)), kEntries);
}

TEST_F(LimitsTest, AFileMayBeLargerThanTheDaemonsMemory) {
  constexpr size_t kPiece = 1 << 20;
  constexpr int kPieces = 768;
  // 128 MiB may wait to be stored; they are there once more while they are put
  // into segments, and again while these are sent.
  constexpr uint64_t kMemory = 640 << 20;
  // Bytes that do not compress; a number in each piece, so that none are alike.
  std::mt19937_64 random(1);
  std::vector<uint64_t> piece(kPiece / sizeof(uint64_t));
  for (uint64_t& word : piece) word = random();
  {
    const UniqueFd file = Open("large");
    for (int i = 0; i < kPieces; ++i) {
      for (size_t at = 0; at < piece.size(); at += 512) ++piece[at];
      ASSERT_EQ(write(file.get(), piece.data(), kPiece),
                static_cast<ssize_t>(kPiece));
    }
    ASSERT_EQ(fsync(file.get()), 0);
    // Read back from the store and not from the kernel.
    ASSERT_EQ(posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  }
  const UniqueFd file = Open("large", O_RDONLY);
  for (size_t at = 0; at < piece.size(); at += 512) piece[at] -= kPieces;
  std::vector<uint64_t> found(piece.size());
  for (int i = 0; i < kPieces; ++i) {
    for (size_t at = 0; at < piece.size(); at += 512) ++piece[at];
    ASSERT_EQ(read(file.get(), found.data(), kPiece),
              static_cast<ssize_t>(kPiece));
    ASSERT_TRUE(found == piece) << "piece " << i;
  }
  EXPECT_LT(DaemonPeakBytes(), kMemory);
}

}  // namespace
}  // namespace driveroot
