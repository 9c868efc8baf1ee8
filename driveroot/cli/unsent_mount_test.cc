// SPDX-License-Identifier: Apache-2.0
//
// Mounts that end, by each way there is, while the Drive takes nothing: what
// was accepted is kept, told, and stored by the next mount.
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "driveroot/base/files.h"
#include "driveroot/base/noise.h"
#include "driveroot/cli/drive_mount_fixture.h"
#include "driveroot/unsent/unsent_folder.h"

namespace driveroot {
namespace {

const std::string kShort = "--stop_timeout=1";
const std::string kLong = "--stop_timeout=3600";

class UnsentMountTest : public DriveMountTest {
 protected:
  // One file that is stored, and several that are not: more than goes into a
  // log record.
  void Fill() {
    Put(In("stored"), "stored");
    Sync();
  }
  void PutUnstored() {
    Put(In("small"), "small");
    Put(In("large"), Noise(6 << 20, 1));
    Put(In("stored"), "changed");
    ASSERT_EQ(mkdir(In("folder").c_str(), 0700), 0);
  }
  void Sync() {
    const UniqueFd fd(open(Path("mount").c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_EQ(fsync(fd.get()), 0);
  }
  void ExpectUnstored() {
    EXPECT_EQ(Get("small"), "small");
    EXPECT_TRUE(Get("large") == Noise(6 << 20, 1));
    EXPECT_EQ(Get("stored"), "changed");
    EXPECT_TRUE(std::filesystem::is_directory(In("folder")));
  }
  std::vector<UnsentFolder> Kept() const {
    const auto folders = ListUnsent(unsent());
    EXPECT_TRUE(folders) << folders.error();
    return folders.value_or(std::vector<UnsentFolder>());
  }
  // The daemon ended, kept it, and said so.
  void ExpectKept() {
    EXPECT_EQ(End(), 1);
    ASSERT_EQ(Kept().size(), 1U) << DaemonOutput();
    EXPECT_NE(DaemonOutput().find(Kept()[0].path), std::string::npos)
        << DaemonOutput();
  }
  // The next mount has it all.
  void ExpectStoredByNextMount() {
    Mount();
    EXPECT_NE(DaemonOutput().find("is stored now"), std::string::npos)
        << DaemonOutput();
    EXPECT_TRUE(Kept().empty());
    ExpectUnstored();
    EXPECT_EQ(Ask({"unmount", Path("mount")}).code, 0);
    EXPECT_EQ(End(), 0);
    const Outcome fsck = Run({"fsck", "--data"}, {"drive:test"});
    EXPECT_EQ(fsck.code, 0) << fsck.output;
  }
  // Whether a process has `argument` on its command line.
  static bool RunsFor(const std::string& argument) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/proc", error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string line =
          ReadFile(entry->path() / "cmdline", 1 << 20).value_or("");
      if (line.contains(argument + '\0')) return true;
    }
    return false;
  }
  void FillDrive() { ASSERT_TRUE(drive_->Set(R"({"quota_bytes":1})")); }
  void BuySpace() { ASSERT_TRUE(drive_->Set(R"({"quota_bytes":0})")); }
};

TEST_F(UnsentMountTest, FullDriveThenUmount) {
  Mount({kShort});
  Fill();
  FillDrive();
  PutUnstored();
  ASSERT_EQ(umount(Path("mount").c_str()), 0);
  ExpectKept();
  // Still full: the volume is not opened, since then it would not fit.
  const Outcome mounted = Run(MountFlags({}), {"drive:test", Path("mount")});
  EXPECT_EQ(mounted.code, 1);
  EXPECT_NE(mounted.output.find("unsent discard"), std::string::npos)
      << mounted.output;
  // Neither by commands that change it.
  const Outcome rolled =
      Run({"rollback", "--unsent_dir=" + unsent()}, {"drive:test", "1"});
  EXPECT_EQ(rolled.code, 1);
  EXPECT_EQ(Kept().size(), 1U);
  BuySpace();
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, NetworkAwayThenSigterm) {
  Mount({kShort});
  Fill();
  drive_->Kill();
  PutUnstored();
  daemon_->Signal(SIGTERM);
  ExpectKept();
  EXPECT_FALSE(IsMounted());
  ASSERT_TRUE(drive_->Restart());
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, RevokedCredentialsThenUmount) {
  Mount({kShort});
  Fill();
  ASSERT_TRUE(drive_->Revoke("all"));
  PutUnstored();
  ASSERT_EQ(umount2(Path("mount").c_str(), MNT_DETACH), 0);
  ExpectKept();
  const Outcome login = Run({"login"}, {});
  ASSERT_EQ(login.code, 0) << login.output;
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, InTheBackgroundItIsLoggedElsewhere) {
  const Outcome mounted =
      Run(MountFlags({kShort}), {"drive:test", Path("mount")});
  ASSERT_EQ(mounted.code, 0) << mounted.output;
  Fill();
  FillDrive();
  PutUnstored();
  ASSERT_EQ(umount(Path("mount").c_str()), 0);
  // Its lock goes with the daemon.
  Await("what is kept", [this] {
    return Kept().size() == 1 && LockUnsent(Kept()[0]).has_value();
  });
  if (access("/dev/log", F_OK) != 0) {
    const std::string log = ReadFile(unsent() + "/log", 1 << 20).value_or("");
    EXPECT_NE(log.find(Kept()[0].path), std::string::npos) << log;
  }
  BuySpace();
  // The lock goes a moment before the process, whose volume is in use until then.
  Await("the end of the daemon", [this] { return !RunsFor(Path("mount")); });
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, ASecondSignalHurries) {
  Mount({kLong});
  Fill();
  drive_->Kill();
  PutUnstored();
  daemon_->Signal(SIGTERM);
  Await("the end of the mount", [this] { return !IsMounted(); });
  daemon_->Signal(SIGINT);
  ExpectKept();
  ASSERT_TRUE(drive_->Restart());
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, WhatTheStoreTakesInTimeIsStored) {
  Mount({kLong});
  Fill();
  drive_->Kill();
  PutUnstored();
  daemon_->Signal(SIGTERM);
  Await("the end of the mount", [this] { return !IsMounted(); });
  ASSERT_TRUE(drive_->Restart());
  EXPECT_EQ(End(), 0);
  EXPECT_TRUE(Kept().empty());
  Mount();
  ExpectUnstored();
}

TEST_F(UnsentMountTest, UsersOfTheMountDoNotHoldItUpForEver) {
  Mount({kShort});
  Fill();
  PutUnstored();
  const UniqueFd user(open(In("small").c_str(), O_RDONLY));
  ASSERT_TRUE(user.valid());
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(End(), 0) << DaemonOutput();
  struct stat info = {};
  EXPECT_NE(fstat(user.get(), &info), 0);
  EXPECT_TRUE(Kept().empty());
  Mount();
  ExpectUnstored();
}

TEST_F(UnsentMountTest, UsersAndNoNetwork) {
  Mount({kShort});
  Fill();
  drive_->Kill();
  PutUnstored();
  const UniqueFd user(open(In("small").c_str(), O_RDONLY));
  daemon_->Signal(SIGTERM);
  ExpectKept();
  ASSERT_TRUE(drive_->Restart());
  ExpectStoredByNextMount();
}

TEST_F(UnsentMountTest, TakenOverByAnotherHost) {
  Mount({kShort});
  Fill();
  const Outcome stolen =
      Run({"rollback", "--steal", "--unsent_dir=" + Path("none")},
          {"drive:test", "1"});
  ASSERT_EQ(stolen.code, 0) << stolen.output;
  PutUnstored();
  const UniqueFd fd(open(Path("mount").c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_NE(fsync(fd.get()), 0);
  daemon_->Signal(SIGTERM);
  ExpectKept();
  // It does not fit the volume any more, which is told, and mounts.
  Mount();
  EXPECT_NE(DaemonOutput().find("NOT stored"), std::string::npos)
      << DaemonOutput();
  EXPECT_FALSE(std::filesystem::exists(In("large")));
  EXPECT_EQ(Ask({"unmount", Path("mount")}).code, 0);
  EXPECT_EQ(End(), 0);
  ASSERT_EQ(Kept().size(), 1U);
  Outcome outcome = Ask({"unsent", "list", "--unsent_dir=" + unsent()});
  EXPECT_NE(outcome.output.find(Kept()[0].name), std::string::npos)
      << outcome.output;
  outcome = Run({"unsent", "save", "--unsent_dir=" + unsent()},
                {Kept()[0].name, Path("saved.tar")});
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  ASSERT_EQ(Ask({"push", Path("saved.tar"), "dir:" + Path("other")}).code, 0);
  ASSERT_EQ(Ask({"pull", "dir:" + Path("other"), Path("saved")}).code, 0);
  EXPECT_EQ(ReadFile(Path("saved/small"), 100).value_or(""), "small");
  EXPECT_TRUE(ReadFile(Path("saved/large"), 64 << 20).value_or("") ==
              Noise(6 << 20, 1));
  outcome =
      Ask({"unsent", "discard", "--unsent_dir=" + unsent(), Kept()[0].name});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_TRUE(Kept().empty());
}

TEST_F(UnsentMountTest, DiscardKeepsNothing) {
  Mount({kLong});
  Fill();
  FillDrive();
  PutUnstored();
  EXPECT_EQ(Ask({"unmount", Path("mount")}).code, 1);
  EXPECT_TRUE(IsMounted());
  const Outcome outcome = Ask({"unmount", "--discard", Path("mount")});
  End();
  EXPECT_FALSE(IsMounted());
  EXPECT_TRUE(Kept().empty());
}

TEST_F(UnsentMountTest, WithoutAPlaceItIsSaidAndTheStoreGetsMoreTime) {
  std::ofstream(unsent()) << "a file";
  Mount({kShort});
  Fill();
  FillDrive();
  PutUnstored();
  ASSERT_EQ(umount(Path("mount").c_str()), 0);
  Await("the message", [this] {
    return DaemonOutput().find("cannot be kept") != std::string::npos;
  });
  BuySpace();
  // Hurries nothing that can be stored.
  EXPECT_EQ(End(), 0) << DaemonOutput();
  std::filesystem::remove(unsent());
  Mount();
  ExpectUnstored();
}

}  // namespace
}  // namespace driveroot
