// SPDX-License-Identifier: Apache-2.0
//
// The real program on a local folder: what its commands do, what they say when
// something is wrong, and, where FUSE is there, that a mount behaves as a file
// system does and keeps what was written.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "gtest/gtest.h"
#include "vmtest/process/process.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

struct Outcome {
  int code = 0;
  std::string output;
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest()
      : folder_(stdfs::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    stdfs::remove_all(folder_);
    stdfs::create_directories(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ / name; }
  std::string Volume() const { return "dir:" + Path("volume"); }

  static std::string Program() {
    return std::string(std::getenv("TEST_SRCDIR")) +
           "/driveroot/driveroot/driveroot";
  }

  Outcome Run(std::vector<std::string> arguments) const {
    vmtest::ProcessOptions options;
    options.arguments = {Program()};
    options.arguments.insert(options.arguments.end(), arguments.begin(),
                             arguments.end());
    const std::string log = Path("output");
    const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    options.standard_output = out.get();
    options.standard_error = out.get();
    Result<vmtest::Process> process = vmtest::Process::Start(options);
    EXPECT_TRUE(process);
    const std::optional<int> code = process->Wait(std::chrono::minutes(5));
    return {code.value_or(-1), ReadFile(log, 1 << 20).value_or("")};
  }

  Outcome Shell(const std::string& line) const {
    vmtest::ProcessOptions options;
    options.arguments = {"/bin/sh", "-c", line};
    const std::string log = Path("output");
    const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    options.standard_output = out.get();
    options.standard_error = out.get();
    Result<vmtest::Process> process = vmtest::Process::Start(options);
    EXPECT_TRUE(process);
    const std::optional<int> code = process->Wait(std::chrono::minutes(5));
    return {code.value_or(-1), ReadFile(log, 1 << 20).value_or("")};
  }

  void MakeTree() const {
    stdfs::create_directories(Path("tree/dir"));
    std::ofstream(Path("tree/dir/file")) << "contents";
    stdfs::create_symlink("dir/file", Path("tree/link"));
    stdfs::create_hard_link(Path("tree/dir/file"), Path("tree/other"));
    std::ofstream(Path("tree/large")) << std::string(1'000'000, 'x');
  }

  stdfs::path folder_;
};

TEST_F(ProgramTest, WrongCallsGetOneMessageAndCode2) {
  EXPECT_EQ(Run({}).code, 2);
  Outcome outcome = Run({"dance"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.output.find("no command dance"), std::string::npos);
  outcome = Run({"mkfs", "--wings", Volume()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.output.find("no flag --wings"), std::string::npos);
  outcome = Run({"mkfs"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.output.find("usage: driveroot mkfs"), std::string::npos);
  outcome = Run({"push", "--cache_mb=1", "a", Volume()});
  EXPECT_EQ(outcome.code, 2);  // another command's flag
}

TEST_F(ProgramTest, BadInputIsNamed) {
  Outcome outcome = Run({"mkfs", "somewhere"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.output.find("\"somewhere\" names no volume"),
            std::string::npos);
  outcome = Run({"status", Volume()});
  EXPECT_EQ(outcome.code, 1);
  outcome = Run({"push", Path("missing"), Volume()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.output.find(Path("missing")), std::string::npos);
  EXPECT_FALSE(stdfs::exists(Path("volume")));
}

TEST_F(ProgramTest, ADaemonCanWaitUntilItMayBegin) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  fcntl(ours.get(), F_SETFD, FD_CLOEXEC);
  vmtest::ProcessOptions options;
  options.arguments = {Program(),
                       "mount",
                       "--foreground",
                       "--await_network",
                       "--status_fd=" + std::to_string(theirs.get()),
                       Volume(),
                       Path("no mount point")};
  Result<vmtest::Process> daemon = vmtest::Process::Start(options);
  ASSERT_TRUE(daemon) << daemon.error();
  theirs.Reset();
  // There is no volume before this.
  ASSERT_EQ(Run({"mkfs", Volume()}).code, 0);
  ASSERT_EQ(shutdown(ours.get(), SHUT_WR), 0);
  std::string said;
  char bytes[4096];
  ssize_t count = 0;
  while ((count = read(ours.get(), bytes, sizeof(bytes))) > 0) {
    said.append(bytes, static_cast<size_t>(count));
  }
  EXPECT_NE(said.find("no mount point"), std::string::npos) << said;
  EXPECT_EQ(daemon->Wait(std::chrono::minutes(1)), 1);
}

TEST_F(ProgramTest, AFailedPushMakesNoVolume) {
  std::ofstream(Path("damaged.tar")) << "no archive";
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = Run({"push", Path("damaged.tar"), Volume()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.output.find("damaged tar archive"), std::string::npos);
  }
  EXPECT_EQ(Run({"fsck", Volume()}).code, 1);
  MakeTree();
  EXPECT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  EXPECT_EQ(Run({"fsck", Volume()}).code, 0);
}

TEST_F(ProgramTest, MkfsLeavesAVolumeAlone) {
  EXPECT_EQ(Run({"mkfs", Volume()}).code, 0);
  EXPECT_EQ(Run({"mkfs", Volume()}).code, 1);
  EXPECT_EQ(Run({"status", Volume()}).code, 0);
}

TEST_F(ProgramTest, PulledTreeIsThePushedOne) {
  MakeTree();
  Outcome outcome = Run({"push", Path("tree"), Volume()});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  outcome = Run({"pull", Volume(), Path("copy")});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_EQ(ReadFile(Path("copy/link"), 100).value(), "contents");
  EXPECT_EQ(stdfs::read_symlink(Path("copy/link")), "dir/file");
  EXPECT_EQ(stdfs::hard_link_count(Path("copy/other")), 2U);
  EXPECT_EQ(ReadFile(Path("copy/large"), 1 << 20).value(),
            std::string(1'000'000, 'x'));
  EXPECT_EQ(Run({"pull", Volume(), Path("copy")}).code, 1);  // not empty
}

TEST_F(ProgramTest, ArchivesGoThroughPipes) {
  MakeTree();
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  for (const std::string name :
       {"a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst"}) {
    Outcome outcome = Run({"pull", Volume(), Path(name)});
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    const std::string other = "dir:" + Path("from-" + name);
    outcome =
        Shell("cat " + Path(name) + " | " + Program() + " push - " + other);
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    outcome = Shell(Program() + " pull " + other + " - | " + Program() +
                    " push - dir:" + Path("second-" + name));
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    ASSERT_EQ(Run({"pull", "dir:" + Path("second-" + name),
                   Path("out-" + name + "/")})
                  .code,
              0);
    EXPECT_EQ(ReadFile(Path("out-" + name + "/dir/file"), 100).value(),
              "contents");
  }
  const Outcome outcome = Run({"pull", Volume(), Path("a.zip")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_FALSE(stdfs::exists(Path("a.zip")));
}

TEST_F(ProgramTest, WhatIsLeftOutIsTold) {
  MakeTree();
  const Outcome outcome = Shell("cd " + Path("tree") + " && touch .wh.x && " +
                                Program() + " push . " + Volume());
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("note: 1 have names as image layers"),
            std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find(".wh.x"), std::string::npos);
}

TEST_F(ProgramTest, PushReplacesTheTree) {
  MakeTree();
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  stdfs::remove_all(Path("tree/dir"));
  std::ofstream(Path("tree/new")) << "new";
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  ASSERT_EQ(Run({"pull", Volume(), Path("copy")}).code, 0);
  EXPECT_FALSE(stdfs::exists(Path("copy/dir")));
  EXPECT_EQ(ReadFile(Path("copy/new"), 100).value(), "new");
}

TEST_F(ProgramTest, ThePastCanBeSeenAndGoneBackTo) {
  MakeTree();
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  stdfs::remove_all(Path("tree/dir"));
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  // The first push is one record; open and close of the second are 2 and 3.
  Outcome outcome = Run({"log", "--json", Volume()});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("\"newest_record\":3"), std::string::npos)
      << outcome.output;
  outcome = Run({"log", "--all", Volume()});
  EXPECT_NE(outcome.output.find("checkpoint"), std::string::npos);

  outcome = Run({"rollback", Volume(), "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("rollback " + Volume() + " 4"),
            std::string::npos)
      << outcome.output;
  ASSERT_EQ(Run({"pull", Volume(), Path("back")}).code, 0);
  EXPECT_EQ(ReadFile(Path("back/dir/file"), 100).value(), "contents");
  ASSERT_EQ(Run({"rollback", Volume(), "4"}).code, 0);
  ASSERT_EQ(Run({"pull", Volume(), Path("forth")}).code, 0);
  EXPECT_FALSE(stdfs::exists(Path("forth/dir")));

  EXPECT_EQ(Run({"rollback", Volume(), "1000"}).code, 1);
  EXPECT_EQ(Run({"rollback", Volume(), "soon"}).code, 1);
  outcome = Run({"gc", "--keep_hours=0", "--keep_days=0", Volume()});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  outcome = Run({"rollback", Volume(), "1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.output.find("not kept"), std::string::npos);
  ASSERT_EQ(Run({"pull", Volume(), Path("last")}).code, 0);
  EXPECT_EQ(Run({"fsck", Volume()}).code, 0);
}

TEST_F(ProgramTest, FsckMendsAVolumeWithoutCheckpoints) {
  MakeTree();
  ASSERT_EQ(Run({"push", Path("tree"), Volume()}).code, 0);
  Outcome outcome = Run({"fsck", "--json", Volume()});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("\"ok\":true"), std::string::npos)
      << outcome.output;
  stdfs::remove_all(Path("volume/checkpoints"));
  stdfs::create_directory(Path("volume/checkpoints"));
  outcome = Run({"fsck", Volume()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.output.find("--repair"), std::string::npos)
      << outcome.output;
  outcome = Run({"fsck", "--repair", Volume()});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  ASSERT_EQ(Run({"pull", Volume(), Path("copy")}).code, 0);
  EXPECT_EQ(ReadFile(Path("copy/dir/file"), 100).value(), "contents");
  EXPECT_EQ(ReadFile(Path("copy/large"), 1 << 20).value(),
            std::string(1'000'000, 'x'));
}

// What a root file system must do, on a mount that goes with the test.
class MountTest : public ProgramTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    stdfs::create_directory(Path("mount"));
    ASSERT_EQ(Run({"mkfs", Volume()}).code, 0);
    Mount();
  }

  void TearDown() override {
    if (mounted_) Unmount();
    // A mount that is left behind stands in the way of the next build.
    if (mounted_) umount2(Path("mount").c_str(), MNT_DETACH);
  }

  void Mount() {
    const Outcome outcome = Run({"mount", Volume(), Path("mount")});
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    mounted_ = true;
  }

  void Unmount() {
    const Outcome outcome = Run({"unmount", Path("mount")});
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    mounted_ = false;
  }

  std::string In(const std::string& name) const {
    return Path("mount/" + name);
  }

  bool mounted_ = false;
};

TEST_F(MountTest, KeepsWhatWasWrittenAcrossMounts) {
  std::ofstream(In("file")) << "kept";
  stdfs::create_directories(In("a/b"));
  stdfs::create_symlink("../../file", In("a/b/relative"));
  stdfs::create_symlink("a/b/relative", In("chained"));
  stdfs::create_symlink("nowhere", In("dangling"));
  stdfs::create_hard_link(In("file"), In("hard"));
  ASSERT_EQ(chown(In("file").c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(In("file").c_str(), 06751), 0);
  ASSERT_EQ(setxattr(In("file").c_str(), "user.note", "x", 1, 0), 0);
  ASSERT_EQ(mkfifo(In("fifo").c_str(), 0600), 0);
  Unmount();
  EXPECT_FALSE(stdfs::exists(In("file")));
  Mount();
  EXPECT_EQ(ReadFile(In("chained"), 100).value(), "kept");
  EXPECT_EQ(stdfs::read_symlink(In("dangling")), "nowhere");
  struct stat status;
  ASSERT_EQ(stat(In("hard").c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 2U);
  EXPECT_EQ(status.st_uid, 12U);
  EXPECT_EQ(status.st_gid, 34U);
  EXPECT_EQ(status.st_mode & 07777, 06751U);
  char value = 0;
  EXPECT_EQ(getxattr(In("file").c_str(), "user.note", &value, 1), 1);
  EXPECT_TRUE(stdfs::is_fifo(In("fifo")));
}

TEST_F(MountTest, UnlinkedFileLivesWhileItIsOpen) {
  const UniqueFd fd(open(In("gone").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(write(fd.get(), "bytes", 5), 5);
  ASSERT_EQ(unlink(In("gone").c_str()), 0);
  char buffer[5];
  EXPECT_EQ(pread(fd.get(), buffer, 5, 0), 5);
}

TEST_F(MountTest, SharedMappingsReachTheFile) {
  const UniqueFd fd(open(In("mapped").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(ftruncate(fd.get(), 8192), 0);
  void* memory =
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memcpy(static_cast<char*>(memory) + 4094, "word", 4);
  ASSERT_EQ(msync(memory, 8192, MS_SYNC), 0);
  munmap(memory, 8192);
  EXPECT_EQ(ReadFile(In("mapped"), 10'000).value().substr(4094, 4), "word");
}

TEST_F(MountTest, RenamesAsRenameat2) {
  std::ofstream(In("a")) << "a";
  std::ofstream(In("b")) << "b";
  EXPECT_EQ(renameat2(AT_FDCWD, In("a").c_str(), AT_FDCWD, In("b").c_str(),
                      RENAME_NOREPLACE),
            -1);
  EXPECT_EQ(errno, EEXIST);
  ASSERT_EQ(renameat2(AT_FDCWD, In("a").c_str(), AT_FDCWD, In("b").c_str(),
                      RENAME_EXCHANGE),
            0);
  EXPECT_EQ(ReadFile(In("a"), 10).value(), "b");
  ASSERT_EQ(rename(In("a").c_str(), In("b").c_str()), 0);
  EXPECT_FALSE(stdfs::exists(In("a")));
  EXPECT_EQ(ReadFile(In("b"), 10).value(), "b");
}

TEST_F(MountTest, HolesAndUnnamedFiles) {
  const UniqueFd fd(open(Path("mount").c_str(), O_TMPFILE | O_RDWR, 0600));
  ASSERT_TRUE(fd.valid()) << std::strerror(errno);
  ASSERT_EQ(pwrite(fd.get(), "end", 3, 1 << 20), 3);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_DATA) >= 4096, true);
  ASSERT_EQ(
      linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd.get())).c_str(),
             AT_FDCWD, In("named").c_str(), AT_SYMLINK_FOLLOW),
      0);
  EXPECT_EQ(stdfs::file_size(In("named")), (1U << 20) + 3);
}

TEST_F(MountTest, LargeDirectoriesAreListedWhole) {
  constexpr int kFiles = 5000;
  for (int i = 0; i < kFiles; ++i) {
    const UniqueFd fd(
        open(In("f" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_TRUE(fd.valid());
  }
  int seen = 0;
  for (const auto& entry : stdfs::directory_iterator(Path("mount"))) {
    seen += entry.path().filename().string().starts_with("f") ? 1 : 0;
  }
  EXPECT_EQ(seen, kFiles);
}

TEST_F(MountTest, ThePastCanBeMounted) {
  std::ofstream(In("file")) << "before";
  Unmount();
  const Outcome log = Run({"log", "--json", Volume()});
  const std::string key = "\"newest_record\":";
  const size_t at = log.output.find(key);
  ASSERT_NE(at, std::string::npos) << log.output;
  const std::string record =
      std::to_string(std::stoull(log.output.substr(at + key.size())));
  Mount();
  std::ofstream(In("file")) << "after";
  Unmount();
  const Outcome outcome =
      Run({"mount", "--at=" + record, Volume(), Path("mount")});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  mounted_ = true;
  EXPECT_EQ(ReadFile(In("file"), 100).value(), "before");
  EXPECT_EQ(open(In("file").c_str(), O_WRONLY), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(MountTest, WhatCouldNotBeStoredCanBeSaved) {
  std::ofstream(In("stored")) << "stored";
  UniqueFd directory(open(In(".").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(fsync(directory.get()), 0);
  // Another host takes the volume over.
  const Outcome stolen = Run({"rollback", "--steal", Volume(), "1"});
  ASSERT_EQ(stolen.code, 0) << stolen.output;
  stdfs::create_directory(In("new"));
  std::ofstream(In("new/unstored")) << "unstored";
  EXPECT_NE(fsync(directory.get()), 0);
  Outcome outcome = Run({"status", Path("mount")});
  EXPECT_NE(outcome.output.find("fenced: yes"), std::string::npos)
      << outcome.output;
  EXPECT_NE(outcome.output.find("uncommitted inodes: 3"), std::string::npos)
      << outcome.output;
  outcome = Run({"save", Path("mount"), Path("saved.tar")});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  ASSERT_EQ(Run({"push", Path("saved.tar"), "dir:" + Path("other")}).code, 0);
  ASSERT_EQ(Run({"pull", "dir:" + Path("other"), Path("saved")}).code, 0);
  EXPECT_EQ(ReadFile(Path("saved/new/unstored"), 100).value(), "unstored");
  EXPECT_FALSE(stdfs::exists(Path("saved/stored")));
  directory.Reset();
  outcome = Run({"unmount", Path("mount")});
  EXPECT_EQ(outcome.code, 1);
  for (const char* remedy : {"driveroot save", "unmount --discard"}) {
    EXPECT_NE(outcome.output.find(remedy), std::string::npos) << outcome.output;
  }
  outcome = Run({"unmount", "--discard", Path("mount")});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  mounted_ = false;
}

TEST_F(MountTest, AVolumeThatWasTakenAwayUnmountsIfNothingIsLost) {
  std::ofstream(In("stored")) << "stored";
  {
    const UniqueFd directory(open(In(".").c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_EQ(fsync(directory.get()), 0);
  }
  ASSERT_EQ(Run({"rollback", "--steal", Volume(), "1"}).code, 0);
  Unmount();
}

// Taking a volume over begins with what can go wrong here.
TEST_F(MountTest, AFolderThatIsNotThereTakesNothingAway) {
  std::ofstream(Path("file")) << "no folder";
  for (const char* folder : {"nosuch", "file"}) {
    const Outcome outcome = Run({"mount", "--steal", Volume(), Path(folder)});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.output.find(folder), std::string::npos) << outcome.output;
  }
  const Outcome outcome = Run({"mount", "--steal", "--fuse_device=/dev/nosuch",
                               Volume(), Path("tree")});
  EXPECT_EQ(outcome.code, 1);
  std::ofstream(In("still")) << "here";
  const UniqueFd directory(open(In(".").c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(fsync(directory.get()), 0);
}

TEST_F(MountTest, StatusTellsAboutTheMount) {
  const Outcome outcome = Run({"status", "--json", Path("mount")});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("\"fenced\":false"), std::string::npos);
}

}  // namespace
}  // namespace driveroot
