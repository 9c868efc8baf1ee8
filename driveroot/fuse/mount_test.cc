// SPDX-License-Identifier: Apache-2.0
//
// Mounts a volume in a local folder with the real program, and does to it what
// programs do to a root file system. Skips where FUSE or root is missing.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

constexpr uid_t kUser = 1000;

// Runs `action` as an ordinary user in a process of its own; whether it
// returned true.
bool AsUser(const std::function<bool()>& action) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(kUser) != 0 || setuid(kUser) != 0) _exit(2);
    _exit(action() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    auto mount = TestMount::Make();
    ASSERT_TRUE(mount) << mount.error();
    test_mount_ = std::move(*mount);
    mount_ = test_mount_->path();
  }

  std::string Path(const std::string& name) const {
    return mount_ + "/" + name;
  }

  void Remount() {
    ASSERT_TRUE(test_mount_->Unmount());
    ASSERT_TRUE(test_mount_->Mount());
  }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name)) << bytes;
  }
  std::string Read(const std::string& name) {
    return ReadFile(Path(name), 1 << 30).value_or("unreadable");
  }
  struct stat Stat(const std::string& name) {
    struct stat status = {};
    EXPECT_EQ(lstat(Path(name).c_str(), &status), 0) << name;
    return status;
  }
  int Rename(const std::string& from, const std::string& to, unsigned flags) {
    return renameat2(AT_FDCWD, Path(from).c_str(), AT_FDCWD, Path(to).c_str(),
                     flags);
  }

  std::unique_ptr<TestMount> test_mount_;
  std::string mount_;
};

// Records in the log after a file was written and synced twenty times.
size_t RecordsOfTwentySyncs(const std::string& mode) {
  // Nothing but fsync makes a record meanwhile.
  const auto mount =
      TestMount::Make({"--fsync=" + mode, "--commit_interval_ms=3600000"});
  if (!mount) {
    ADD_FAILURE() << mount.error();
    return 0;
  }
  const UniqueFd file(open(((*mount)->path() + "/file").c_str(),
                           O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(write(file.get(), "x", 1), 1);
    EXPECT_EQ(fsync(file.get()), 0);
  }
  const auto log =
      std::filesystem::directory_iterator((*mount)->folder() + "/volume/log");
  return static_cast<size_t>(std::distance(begin(log), end(log)));
}

TEST_F(MountTest, OrderedSyncsMakeNoRecords) {
  if (!test_mount_->volume().starts_with("dir:")) {
    GTEST_SKIP() << "counts the records in a local folder";
  }
  EXPECT_GE(RecordsOfTwentySyncs("durable"), 20U);
  EXPECT_LE(RecordsOfTwentySyncs("ordered"), 2U);
}

TEST_F(MountTest, ATreeIsTheSameAfterARemount) {
  Write("file", "contents");
  Write("empty", "");
  const std::string large(3'000'000, 'x');
  Write("large", large);
  ASSERT_EQ(chmod(Path("file").c_str(), 04751), 0);
  ASSERT_EQ(lchown(Path("empty").c_str(), 7, 8), 0);
  ASSERT_EQ(link(Path("file").c_str(), Path("second").c_str()), 0);
  ASSERT_EQ(symlink("file", Path("relative").c_str()), 0);
  ASSERT_EQ(symlink("relative", Path("chained").c_str()), 0);
  ASSERT_EQ(symlink("nowhere", Path("dangling").c_str()), 0);
  ASSERT_EQ(symlink(Path("file").c_str(), Path("absolute").c_str()), 0);
  ASSERT_EQ(mknod(Path("null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkdir(Path("folder").c_str(), 01777), 0);
  ASSERT_EQ(setxattr(Path("file").c_str(), "user.note", "a\0b", 3, 0), 0);
  const timespec times[] = {{.tv_sec = 1, .tv_nsec = 2},
                            {.tv_sec = -3, .tv_nsec = 4}};
  ASSERT_EQ(utimensat(AT_FDCWD, Path("empty").c_str(), times, 0), 0);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(Read("second"), "contents");
    EXPECT_EQ(Read("chained"), "contents");
    EXPECT_EQ(Read("absolute"), "contents");
    EXPECT_EQ(Read("large"), large);
    EXPECT_EQ(open(Path("dangling").c_str(), O_RDONLY), -1);
    EXPECT_EQ(Stat("file").st_mode, mode_t{S_IFREG | 04751});
    EXPECT_EQ(Stat("file").st_nlink, 2u);
    EXPECT_EQ(Stat("file").st_ino, Stat("second").st_ino);
    EXPECT_EQ(Stat("empty").st_uid, 7u);
    EXPECT_EQ(Stat("empty").st_gid, 8u);
    EXPECT_EQ(Stat("empty").st_atim.tv_nsec, 2);
    EXPECT_EQ(Stat("empty").st_mtim.tv_sec, -3);
    EXPECT_EQ(Stat("empty").st_mtim.tv_nsec, 4);
    EXPECT_EQ(Stat("null").st_rdev, makedev(1, 3));
    EXPECT_TRUE(S_ISFIFO(Stat("fifo").st_mode));
    EXPECT_EQ(Stat("folder").st_mode & 07777, 01755u);  // umask 022
    char value[8];
    EXPECT_EQ(getxattr(Path("file").c_str(), "user.note", value, 8), 3);
    if (pass == 0) Remount();
  }
}

TEST_F(MountTest, AccessTimesOutliveAMount) {
  Write("file", "contents");
  ASSERT_EQ(mkdir(Path("folder").c_str(), 0755), 0);
  const timespec times[] = {{.tv_sec = 1, .tv_nsec = 2},
                            {.tv_sec = 3, .tv_nsec = 4}};
  for (const char* name : {"file", "folder"}) {
    ASSERT_EQ(utimensat(AT_FDCWD, Path(name).c_str(), times, 0), 0);
  }
  Remount();
  // Nothing but reading from here on.
  EXPECT_EQ(Read("file"), "contents");
  DIR* folder = opendir(Path("folder").c_str());
  ASSERT_NE(folder, nullptr);
  EXPECT_NE(readdir(folder), nullptr);
  closedir(folder);
  const timespec file_atime = Stat("file").st_atim;
  const timespec folder_atime = Stat("folder").st_atim;
  EXPECT_GT(file_atime.tv_sec, 1);
  EXPECT_GT(folder_atime.tv_sec, 1);
  Remount();
  EXPECT_EQ(Stat("file").st_atim.tv_sec, file_atime.tv_sec);
  EXPECT_EQ(Stat("file").st_atim.tv_nsec, file_atime.tv_nsec);
  EXPECT_EQ(Stat("folder").st_atim.tv_nsec, folder_atime.tv_nsec);
  EXPECT_EQ(Stat("file").st_mtim.tv_sec, 3);
}

TEST_F(MountTest, RenamesOfEveryKind) {
  Write("a", "A");
  Write("b", "B");
  EXPECT_EQ(Rename("a", "b", RENAME_NOREPLACE), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(Rename("a", "b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(Read("a"), "B");
  EXPECT_EQ(Rename("a", "c", RENAME_WHITEOUT), 0);
  EXPECT_TRUE(S_ISCHR(Stat("a").st_mode));
  EXPECT_EQ(Stat("a").st_rdev, 0u);
  EXPECT_EQ(Rename("c", "b", 0), 0);
  EXPECT_EQ(Read("b"), "B");
}

TEST_F(MountTest, FilesWithoutNames) {
  const UniqueFd unnamed(open(mount_.c_str(), O_TMPFILE | O_RDWR, 0600));
  ASSERT_TRUE(unnamed.valid());
  ASSERT_EQ(write(unnamed.get(), "text", 4), 4);
  ASSERT_EQ(
      linkat(unnamed.get(), "", AT_FDCWD, Path("named").c_str(), AT_EMPTY_PATH),
      0);
  EXPECT_EQ(Read("named"), "text");
  ASSERT_EQ(unlink(Path("named").c_str()), 0);
  char bytes[8];
  EXPECT_EQ(pread(unnamed.get(), bytes, 8, 0), 4);
  struct stat status = {};
  EXPECT_EQ(fstat(unnamed.get(), &status), 0);
  EXPECT_EQ(status.st_nlink, 0u);
}

TEST_F(MountTest, SharedMappingsAndHoles) {
  const UniqueFd file(open(Path("f").c_str(), O_RDWR | O_CREAT, 0644));
  ASSERT_EQ(ftruncate(file.get(), 1 << 30), 0);
  void* mapping =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 8192);
  ASSERT_NE(mapping, MAP_FAILED);
  static_cast<char*>(mapping)[5] = 'y';
  ASSERT_EQ(msync(mapping, 4096, MS_SYNC), 0);
  ASSERT_EQ(munmap(mapping, 4096), 0);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_DATA), 8192);
  EXPECT_EQ(lseek(file.get(), 8192, SEEK_HOLE), 12288);
  EXPECT_EQ(Stat("f").st_blocks, 8);
  EXPECT_EQ(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      8192, 4096),
            0);
  char byte = 'z';
  EXPECT_EQ(pread(file.get(), &byte, 1, 8197), 1);
  EXPECT_EQ(byte, '\0');
  EXPECT_EQ(fallocate(file.get(), FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
}

// More pieces in one read than writev(2) takes.
TEST_F(MountTest, FilesOfManySmallPieces) {
  constexpr size_t kPieces = 2 * IOV_MAX;
  constexpr size_t kBytes = 40;  // of each
  std::string expected;
  {
    std::string source;
    for (size_t i = 0; i < 2 * kPieces; ++i) {
      source += std::string(kBytes, static_cast<char>('a' + i % 26));
    }
    Write("source", source);
    const UniqueFd from(open(Path("source").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd to(
        open(Path("pieces").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    for (size_t i = 0; i < kPieces; ++i) {
      auto offset = static_cast<off_t>(2 * i * kBytes);
      expected += source.substr(static_cast<size_t>(offset), kBytes);
      ASSERT_EQ(
          copy_file_range(from.get(), &offset, to.get(), nullptr, kBytes, 0),
          static_cast<ssize_t>(kBytes));
    }
  }
  Remount();
  EXPECT_EQ(Read("pieces"), expected);
}

TEST_F(MountTest, SetIdBitsGoWhenOthersWrite) {
  Write("program", "x");
  const std::string path = Path("program");
  ASSERT_EQ(chown(path.c_str(), kUser, kUser), 0);
  ASSERT_EQ(chmod(path.c_str(), 06755), 0);
  EXPECT_TRUE(AsUser([&] {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_APPEND));
    return write(file.get(), "y", 1) == 1;
  }));
  EXPECT_EQ(Stat("program").st_mode & 07777, 0755u);
  ASSERT_EQ(chmod(path.c_str(), 06755), 0);
  EXPECT_TRUE(AsUser([&] { return truncate(path.c_str(), 0) == 0; }));
  EXPECT_EQ(Stat("program").st_mode & 07777, 0755u);
}

TEST_F(MountTest, TheKernelChecksPermissionsAndStickyFolders) {
  ASSERT_EQ(chmod(mount_.c_str(), 0777), 0);
  ASSERT_EQ(mkdir(Path("tmp").c_str(), 0), 0);
  ASSERT_EQ(chmod(Path("tmp").c_str(), 01777), 0);
  Write("tmp/mine", "x");
  ASSERT_EQ(chmod(Path("tmp/mine").c_str(), 0600), 0);
  EXPECT_TRUE(AsUser([&] {
    return open(Path("tmp/mine").c_str(), O_RDONLY) == -1 && errno == EACCES;
  }));
  EXPECT_TRUE(AsUser([&] {
    return unlink(Path("tmp/mine").c_str()) == -1 && errno == EPERM;
  }));
}

TEST_F(MountTest, NothingLeadsToAnotherFileSystem) {
  Write("file", "x");
  const std::string outside = test_mount_->folder() + "/outside";
  EXPECT_EQ(link(Path("file").c_str(), outside.c_str()), -1);
  EXPECT_EQ(errno, EXDEV);
  EXPECT_EQ(rename(Path("file").c_str(), outside.c_str()), -1);
  EXPECT_EQ(errno, EXDEV);
}

// Every call that changes something must fail so on a mount for reading.
void ExpectReadOnly(const std::string& mount) {
  const std::string file = mount + "/file";
  const std::string other = mount + "/other";
  const auto refused = [](long result) {
    return result == -1 && errno == EROFS;
  };
  EXPECT_TRUE(refused(open(file.c_str(), O_WRONLY)));
  EXPECT_TRUE(refused(open(file.c_str(), O_RDONLY | O_TRUNC)));
  EXPECT_TRUE(refused(open(other.c_str(), O_RDWR | O_CREAT, 0644)));
  EXPECT_TRUE(refused(mkdir(other.c_str(), 0755)));
  EXPECT_TRUE(refused(mkfifo(other.c_str(), 0644)));
  EXPECT_TRUE(refused(symlink("x", other.c_str())));
  EXPECT_TRUE(refused(link(file.c_str(), other.c_str())));
  EXPECT_TRUE(refused(rename(file.c_str(), other.c_str())));
  EXPECT_TRUE(refused(unlink(file.c_str())));
  EXPECT_TRUE(refused(chmod(file.c_str(), 0600)));
  EXPECT_TRUE(refused(chown(file.c_str(), 1, 1)));
  EXPECT_TRUE(refused(truncate(file.c_str(), 0)));
  EXPECT_TRUE(refused(utimensat(AT_FDCWD, file.c_str(), nullptr, 0)));
  EXPECT_TRUE(refused(setxattr(file.c_str(), "user.a", "1", 1, 0)));
  const UniqueFd fd(open(file.c_str(), O_RDONLY));
  EXPECT_TRUE(fd.valid());
}

TEST_F(MountTest, AMountForReadingChangesNothing) {
  Write("file", "x");
  ASSERT_TRUE(test_mount_->Unmount());
  ASSERT_TRUE(test_mount_->Mount({"--read_only"}));
  ExpectReadOnly(mount_);
  EXPECT_EQ(Read("file"), "x");
}

TEST_F(MountTest, AMountCanBecomeOneForReading) {
  Write("file", "x");
  ASSERT_EQ(
      mount(nullptr, mount_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr),
      0);
  ExpectReadOnly(mount_);
  ASSERT_EQ(mount(nullptr, mount_.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  Write("file", "y");
  EXPECT_EQ(Read("file"), "y");
}

// systemd asks for handles, NFS servers keep them for long.
TEST_F(MountTest, HandlesOutliveAMount) {
  ASSERT_EQ(mkdir(Path("folder").c_str(), 0755), 0);
  Write("folder/file", "contents");
  alignas(file_handle) char memory[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
  auto* handle = reinterpret_cast<file_handle*>(memory);
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  ASSERT_EQ(name_to_handle_at(AT_FDCWD, Path("folder/file").c_str(), handle,
                              &mount_id, 0),
            0);
  Remount();
  const auto open_handle = [&] {
    const UniqueFd folder(open(mount_.c_str(), O_RDONLY | O_DIRECTORY));
    return UniqueFd(open_by_handle_at(folder.get(), handle, O_RDONLY));
  };
  {
    const UniqueFd file = open_handle();
    ASSERT_TRUE(file.valid());
    char bytes[16];
    EXPECT_EQ(read(file.get(), bytes, sizeof(bytes)), 8);
  }
  ASSERT_EQ(unlink(Path("folder/file").c_str()), 0);
  // Its number is never used again.
  Write("folder/file", "another");
  // The kernel itself may hold the old file a moment longer, for what it reads
  // ahead.
  const auto limit =
      std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (open_handle().valid()) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(errno, ESTALE);
}

TEST_F(MountTest, LocksAndNamesAsLong) {
  Write(std::string(255, 'n'), "x");
  EXPECT_EQ(Read(std::string(255, 'n')), "x");
  EXPECT_EQ(open(Path(std::string(256, 'n')).c_str(), O_CREAT, 0644), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
  const UniqueFd file(open(Path("lock").c_str(), O_CREAT | O_RDWR, 0644));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  EXPECT_EQ(fcntl(file.get(), F_OFD_SETLK, &lock), 0);
}

}  // namespace
}  // namespace driveroot
