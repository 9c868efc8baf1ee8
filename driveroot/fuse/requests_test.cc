// SPDX-License-Identifier: Apache-2.0
//
// Which requests the kernel makes: that what it may cache it caches for ever,
// that it asks for much at once, and that opening and closing cost nothing.
// Skips where FUSE or root is missing.
#include <dirent.h>
#include <fcntl.h>
#include <glog/logging.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/session.h"
#include "driveroot/fuse/test_mount.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

using Counts = std::map<std::string, int>;

// Counts requests, which the session logs.
class RequestCounter : public google::LogSink {
 public:
  RequestCounter() { google::AddLogSink(this); }
  ~RequestCounter() override { google::RemoveLogSink(this); }

  void send(google::LogSeverity, const char*, const char*, int,
            const google::LogMessageTime&, const char* message,
            size_t length) override {
    constexpr std::string_view kMark = "opcode: ";
    const std::string_view text(message, length);
    std::lock_guard lock(mutex_);
    if (text.find("INIT:") != text.npos) starting_ = true;
    if (starting_) start_.append(text).push_back('\n');
    if (text.find("time_gran") != text.npos) starting_ = false;
    const size_t mark = text.find(kMark);
    if (mark == text.npos) return;
    const std::string_view rest = text.substr(mark + kMark.size());
    const std::string name(rest.substr(0, rest.find(' ')));
    // These come when the kernel likes.
    if (name != "FORGET" && name != "BATCH_FORGET") ++counts_[name];
  }

  // Requests since the last call.
  Counts Take() {
    std::lock_guard lock(mutex_);
    return std::exchange(counts_, {});
  }

  // What both sides agreed on at the start.
  std::string start() {
    std::lock_guard lock(mutex_);
    return start_;
  }

 private:
  std::mutex mutex_;
  Counts counts_;
  std::string start_;
  bool starting_ = false;
};

class RequestsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    std::string folder = "/tmp/driveroot_requests_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    FakeObjectStore store(account_);
    ASSERT_TRUE(Volume::Format(store, {}));
    VolumeOptions options;
    options.commit_interval = std::chrono::hours(1);
    auto volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = std::move(*volume);
    file_system_ = std::make_unique<FileSystem>(volume_.get());
    Mount();
  }

  // Anew: the kernel knows nothing of names, inodes and data then.
  void Mount() {
    session_.reset();
    auto session = FuseSession::Mount(
        file_system_.get(), {.mount_point = folder_, .log_requests = true});
    ASSERT_TRUE(session) << session.error();
    session_ = std::move(*session);
    // The first of each kind tells the kernel that there is nothing to open.
    Write("first", "x");
    Read("first");
    ListNames(".");
    requests_.Take();
  }

  void TearDown() override {
    session_.reset();
    if (!folder_.empty()) rmdir(folder_.c_str());
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  void Write(const std::string& name, const std::string& bytes) {
    const UniqueFd fd(
        open(Path(name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_TRUE(WriteFully(fd.get(), bytes, name));
  }
  std::string Read(const std::string& name) {
    return ReadFile(Path(name), 1 << 30).value_or("unreadable");
  }
  int Stat(const std::string& name) {
    struct stat status = {};
    return lstat(Path(name).c_str(), &status);
  }
  size_t ListNames(const std::string& name) {
    DIR* directory = opendir(Path(name).c_str());
    size_t count = 0;
    while (readdir(directory) != nullptr) ++count;
    closedir(directory);
    return count;
  }
  RequestCounter requests_;
  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  std::string folder_;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<FuseSession> session_;
};

TEST_F(RequestsTest, WhatIsKnownIsNotAskedAgain) {
  ASSERT_EQ(mkdir(Path("d").c_str(), 0755), 0);
  Write("d/file", "contents");
  ASSERT_EQ(Stat("d/file"), 0);
  ASSERT_EQ(Stat("d/missing"), -1);
  ASSERT_EQ(Read("d/file"), "contents");
  ASSERT_EQ(Stat("d/file"), 0);
  requests_.Take();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Stat("d/file"), 0);
    EXPECT_EQ(Stat("d/missing"), -1);
    EXPECT_EQ(Read("d/file"), "contents");
  }
  EXPECT_EQ(requests_.Take(), Counts());
}

TEST_F(RequestsTest, MakingAFileTakesTwoRequests) {
  Write("file", "");
  EXPECT_EQ(requests_.Take(), (Counts{{"LOOKUP", 1}, {"CREATE", 1}}));
}

TEST_F(RequestsTest, OpeningAndClosingTakeNone) {
  Write("file", "contents");
  // A new entry makes the kernel ask for its directory's attributes once.
  ASSERT_EQ(Stat("."), 0);
  requests_.Take();
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND}) {
    const UniqueFd fd(open(Path("file").c_str(), flags | O_CLOEXEC));
    EXPECT_TRUE(fd.valid());
  }
  const UniqueFd directory(
      open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(directory.valid());
  EXPECT_EQ(requests_.Take(), Counts());
}

TEST_F(RequestsTest, AListingBringsTheAttributes) {
  ASSERT_EQ(mkdir(Path("d").c_str(), 0755), 0);
  for (int i = 0; i < 100; ++i) Write(std::format("d/{}", i), "");
  Mount();
  EXPECT_EQ(ListNames("d"), 102u);
  Counts listing = requests_.Take();
  EXPECT_GE(listing["READDIRPLUS"], 1);
  EXPECT_EQ(listing["READDIR"], 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Stat(std::format("d/{}", i)), 0);
  EXPECT_EQ(requests_.Take(), Counts());
}

TEST_F(RequestsTest, AListingIsKept) {
  ASSERT_EQ(mkdir(Path("d").c_str(), 0755), 0);
  Write("d/file", "");
  EXPECT_EQ(ListNames("d"), 3u);
  EXPECT_EQ(ListNames("d"), 3u);
  requests_.Take();
  EXPECT_EQ(ListNames("d"), 3u);
  EXPECT_EQ(requests_.Take(), Counts());
  Write("d/other", "");
  EXPECT_EQ(ListNames("d"), 4u);
}

TEST_F(RequestsTest, SymlinksAreKept) {
  ASSERT_EQ(symlink("target", Path("link").c_str()), 0);
  char target[16];
  ASSERT_EQ(readlink(Path("link").c_str(), target, sizeof(target)), 6);
  requests_.Take();
  ASSERT_EQ(readlink(Path("link").c_str(), target, sizeof(target)), 6);
  EXPECT_EQ(requests_.Take(), Counts());
}

TEST_F(RequestsTest, ReadsAndWritesAreLarge) {
  const std::string bytes(8 << 20, 'x');
  Write("large", bytes);
  EXPECT_EQ(requests_.Take()["WRITE"], 8);
  Mount();
  EXPECT_EQ(Read("large"), bytes);
  // Read-ahead begins with less than a whole request, and near the end so does
  // what is left.
  EXPECT_LE(requests_.Take()["READ"], 16);
}

TEST_F(RequestsTest, LocksStayInTheKernel) {
  Write("file", "");
  const UniqueFd fd(open(Path("file").c_str(), O_RDWR | O_CLOEXEC));
  requests_.Take();
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  EXPECT_EQ(fcntl(fd.get(), F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(flock(fd.get(), LOCK_EX), 0);
  EXPECT_EQ(requests_.Take(), Counts());
}

// Linux passes syncfs(2) on to few FUSE file systems. Where it comes, all is
// durable after it, and elsewhere it takes the commit interval, which is an
// hour here.
TEST_F(RequestsTest, SyncfsMakesAllDurableWhereItComes) {
  Write("file", "contents");
  const UniqueFd fd(open(Path("file").c_str(), O_RDONLY | O_CLOEXEC));
  requests_.Take();
  ASSERT_EQ(syncfs(fd.get()), 0);
  const bool passed_on = requests_.Take()["SYNCFS"] > 0;
  VolumeOptions options;
  options.read_only = true;
  auto stored =
      Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
  ASSERT_TRUE(stored) << stored.error();
  const bool durable =
      FileSystem(stored->get()).Lookup(kRootInode, "file").has_value();
  EXPECT_EQ(durable, passed_on);
  ASSERT_EQ(fsync(fd.get()), 0);
  EXPECT_EQ(requests_.Take()["FSYNC"], 1);
}

TEST_F(RequestsTest, BothSidesAgreeOnWhatWasWished) {
  const std::string start = requests_.start();
  EXPECT_NE(start.find("max_write=0x00100000"), std::string::npos) << start;
  EXPECT_NE(start.find("max_background=256"), std::string::npos) << start;
  EXPECT_NE(start.find("time_gran=1"), std::string::npos) << start;
  const std::string bdi =
      std::format("/sys/class/bdi/{}:{}/", major(session_->device()),
                  minor(session_->device()));
  if (!std::filesystem::exists(bdi)) GTEST_SKIP() << "no " << bdi;
  EXPECT_EQ(ReadFile(bdi + "read_ahead_kb", 100).value_or(""), "1024\n");
  EXPECT_EQ(ReadFile(bdi + "max_ratio", 100).value_or(""), "20\n");
}

}  // namespace
}  // namespace driveroot
