// SPDX-License-Identifier: Apache-2.0
//
// What waits for the store during an outage waits alone: hundreds of calls that
// are blocked hold nobody else up, each can be killed, and all complete when
// the store is back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <format>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/fuse/session.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

// Longer than anything takes here; to fail with a message instead of hanging.
constexpr seconds kPatience(100);

constexpr uint64_t kBoundBytes = 1 << 20;
constexpr size_t kFileBytes = 64 << 10;

// Does not compress, and each `seed` is another.
std::string Noise(uint64_t seed, size_t bytes) {
  std::string noise(bytes, '\0');
  for (char& c : noise) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(seed >> 56);
  }
  return noise;
}

// Whether calls of the store return. A call that is held returns, with success
// or with `refusal`, when the store is back.
class Outage {
 public:
  void Begin() { Set(true, std::nullopt); }
  // Calls fail at once instead of being held.
  void Refuse(const Error& error) { Set(false, error); }
  void End() { Set(false, std::nullopt); }

  std::optional<Fault> Rule(const StoreCall&) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
    if (refusal_) return Fault{.error = *refusal_};
    return std::nullopt;
  }

 private:
  void Set(bool held, std::optional<Error> refusal) {
    {
      const std::lock_guard lock(mutex_);
      held_ = held;
      refusal_ = std::move(refusal);
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::optional<Error> refusal_;
};

class OutageTest : public testing::Test {
 protected:
  // A sandbox that is made meanwhile, for another test, copies the mounts that
  // it sees and keeps them in use until it ends.
  static void SetUpTestSuite() {
    if (geteuid() != 0) return;
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }

  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    std::string folder = "/tmp/driveroot_outage_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    FakeObjectStore store(account_);
    ASSERT_TRUE(Volume::Format(store, {}));
    Mount();
  }

  void TearDown() override {
    outage_.End();
    Unmount();
    if (!folder_.empty()) rmdir(folder_.c_str());
  }

  void Mount() {
    auto store = std::make_unique<FaultyObjectStore>(
        std::make_unique<FakeObjectStore>(account_),
        [this](const StoreCall& call) { return outage_.Rule(call); });
    VolumeOptions options;
    options.commit_interval = std::chrono::milliseconds(20);
    options.commit_bytes = bound_ / 4;
    options.max_unstored_bytes = bound_;
    options.max_inline_bytes = 0;
    options.retry_delay = std::chrono::milliseconds(5);
    auto volume = Volume::Open(std::move(store), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = std::move(*volume);
    file_system_ = std::make_unique<FileSystem>(volume_.get());
    auto session =
        FuseSession::Mount(file_system_.get(), {.mount_point = folder_});
    ASSERT_TRUE(session) << session.error();
    session_ = std::move(*session);
  }

  void Unmount() {
    session_.reset();
    file_system_.reset();
    if (volume_ != nullptr) EXPECT_TRUE(volume_->Close());
    volume_.reset();
  }

  // Nothing is in memory afterwards but names and attributes.
  void MountAnew() {
    Unmount();
    Mount();
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  UniqueFd Open(const std::string& name, int flags) const {
    UniqueFd fd(open(Path(name).c_str(), flags | O_CLOEXEC, 0644));
    EXPECT_TRUE(fd.valid()) << name << ": " << strerror(errno);
    return fd;
  }

  void WriteFile(const std::string& name, std::string_view bytes) const {
    const UniqueFd fd = Open(name, O_WRONLY | O_CREAT | O_TRUNC);
    const Status written = WriteFully(fd.get(), bytes, name);
    ASSERT_TRUE(written) << written.error();
  }

  std::string Content(const std::string& name) const {
    const Result<std::string> bytes = ReadFile(Path(name), 64 << 20);
    EXPECT_TRUE(bytes) << bytes.error();
    return bytes.value_or("");
  }

  uint64_t parked() const { return session_->GetParkedStatus().requests; }

  // True when so many requests wait, at the latest after kPatience.
  testing::AssertionResult WaitForParked(uint64_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (parked() < count) {
      if (std::chrono::steady_clock::now() > deadline) {
        return testing::AssertionFailure()
               << parked() << " requests wait, not " << count;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return testing::AssertionSuccess();
  }

  // Brings the unstored bytes to their bound: the next write waits.
  void FillUp() {
    const UniqueFd fd = Open("filler", O_WRONLY | O_CREAT);
    const std::string bytes = Noise(99, kBoundBytes);
    ASSERT_EQ(write(fd.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  Outage outage_;
  uint64_t bound_ = kBoundBytes;
  std::string folder_;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<FuseSession> session_;
};

// Runs in a thread of its own; a failure when it does not return in time.
void ExpectReturns(const char* what, const std::function<void()>& action) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> ended = done->get_future();
  std::thread thread([&action, done] {
    action();
    done->set_value();
  });
  const bool in_time = ended.wait_for(kPatience) == std::future_status::ready;
  EXPECT_TRUE(in_time) << what << " waits for the store";
  // It can only be waited for; the store is back after a failure of the test.
  if (in_time) {
    thread.join();
  } else {
    thread.detach();
    std::abort();
  }
}

TEST_F(OutageTest, HundredsThatWaitHoldNobodyUp) {
  constexpr size_t kEach = 220;
  ASSERT_EQ(mkdir(Path("busy").c_str(), 0755), 0);
  ASSERT_EQ(mkdir(Path("quiet").c_str(), 0755), 0);
  WriteFile("quiet/known", "known");
  // What lies beside it comes along when it is fetched.
  WriteFile("busy/between", Noise(1, 4 << 20));
  for (size_t i = 0; i < kEach; ++i) {
    WriteFile(std::format("busy/cold{}", i), Noise(i, kFileBytes));
  }
  MountAnew();
  EXPECT_EQ(Content("quiet/known"), "known");
  std::vector<UniqueFd> sync_files;
  std::vector<UniqueFd> write_files;
  for (size_t i = 0; i < kEach; ++i) {
    sync_files.push_back(Open(std::format("busy/sync{}", i), O_RDWR | O_CREAT));
    write_files.push_back(
        Open(std::format("busy/write{}", i), O_RDWR | O_CREAT));
  }
  outage_.Begin();
  FillUp();
  std::vector<std::string> read(kEach);
  std::vector<int> synced(kEach, -1);
  std::vector<ssize_t> written(kEach, -1);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kEach; ++i) {
    threads.emplace_back([&, i] { synced[i] = fsync(sync_files[i].get()); });
    threads.emplace_back(
        [&, i] { read[i] = Content(std::format("busy/cold{}", i)); });
    threads.emplace_back([&, i] {
      const std::string bytes = Noise(1000 + i, kFileBytes);
      written[i] = write(write_files[i].get(), bytes.data(), bytes.size());
    });
  }
  EXPECT_TRUE(WaitForParked(3 * kEach));

  ExpectReturns("stat", [&] {
    struct stat info = {};
    EXPECT_EQ(stat(Path("busy/cold7").c_str(), &info), 0);
    EXPECT_EQ(stat(Path("quiet/missing").c_str(), &info), -1);
    struct statvfs space = {};
    EXPECT_EQ(statvfs(folder_.c_str(), &space), 0);
  });
  ExpectReturns("readdir", [&] {
    size_t names = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(Path("quiet"))) {
      ++names;
    }
    EXPECT_EQ(names, 1u);
  });
  ExpectReturns("a cached read", [&] {
    EXPECT_EQ(Content("quiet/known"), "known");
    // Of what the daemon has and the kernel has not.
    const UniqueFd fd = Open("filler", O_RDONLY | O_DIRECT);
    std::string bytes(4096, '\0');
    EXPECT_EQ(pread(fd.get(), bytes.data(), bytes.size(), 0), 4096);
  });
  ExpectReturns("a change of names", [&] {
    Open("quiet/new", O_RDWR | O_CREAT | O_EXCL);
    EXPECT_EQ(mkdir(Path("quiet/folder").c_str(), 0755), 0);
    EXPECT_EQ(
        rename(Path("quiet/new").c_str(), Path("quiet/folder/new").c_str()), 0);
    EXPECT_EQ(chmod(Path("quiet/known").c_str(), 0600), 0);
    EXPECT_EQ(unlink(Path("quiet/folder/new").c_str()), 0);
    EXPECT_EQ(rmdir(Path("quiet/folder").c_str()), 0);
    EXPECT_EQ(symlink("known", Path("quiet/link").c_str()), 0);
    EXPECT_EQ(truncate(Path("quiet/known").c_str(), 3), 0);
  });

  outage_.End();
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < kEach; ++i) {
    EXPECT_EQ(synced[i], 0) << i;
    EXPECT_EQ(read[i], Noise(i, kFileBytes)) << i;
    EXPECT_EQ(written[i], static_cast<ssize_t>(kFileBytes)) << i;
    EXPECT_EQ(Content(std::format("busy/write{}", i)),
              Noise(1000 + i, kFileBytes))
        << i;
  }
  EXPECT_EQ(parked(), 0u);
}

TEST_F(OutageTest, AnFsyncThatWaitedCoversAllBeforeIt) {
  outage_.Begin();
  WriteFile("before", "before");
  std::thread sync([this] {
    const UniqueFd fd = Open("other", O_RDWR | O_CREAT);
    EXPECT_EQ(fsync(fd.get()), 0);
    // As a crash at this moment would leave it.
    auto account = std::make_shared<FakeAccount>(*account_);
    VolumeOptions options;
    options.read_only = true;
    auto volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account), options);
    ASSERT_TRUE(volume) << volume.error();
    FileSystem left(volume->get());
    const Result<Node> node = left.Lookup(kRootInode, "before");
    ASSERT_TRUE(node) << node.error();
    EXPECT_EQ(left.Read(node->number, 0, 100)->Joined(), "before");
  });
  EXPECT_TRUE(WaitForParked(1));
  outage_.End();
  sync.join();
}

TEST_F(OutageTest, WritersGoOnInTheOrderInWhichTheyCame) {
  constexpr size_t kWriters = 100;
  outage_.Begin();
  FillUp();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kWriters; ++i) {
    threads.emplace_back(
        [this, i] { WriteFile(std::format("file{}", i), Noise(i, 40000)); });
    ASSERT_TRUE(WaitForParked(i + 1));
  }
  outage_.End();
  for (std::thread& thread : threads) thread.join();
  TimeNs last = 0;
  for (size_t i = 0; i < kWriters; ++i) {
    struct stat info = {};
    ASSERT_EQ(stat(Path(std::format("file{}", i)).c_str(), &info), 0);
    const TimeNs written =
        info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    EXPECT_LT(last, written) << i;
    last = written;
  }
}

TEST_F(OutageTest, WritesOfAnyNumberTakeBoundedMemory) {
  constexpr size_t kWriters = 150;
  constexpr size_t kBytes = 1 << 20;
  outage_.Begin();
  FillUp();
  std::vector<std::thread> threads;
  std::atomic<size_t> cut = 0;
  for (size_t i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] {
      const UniqueFd fd = Open(std::format("file{}", i), O_WRONLY | O_CREAT);
      const std::string bytes = Noise(i, kBytes);
      const ssize_t first = write(fd.get(), bytes.data(), bytes.size());
      ASSERT_GE(first, 4096) << strerror(errno);
      if (first < static_cast<ssize_t>(kBytes)) ++cut;
      ASSERT_TRUE(WriteFully(fd.get(), std::string_view(bytes).substr(first),
                             "the rest"));
    });
  }
  EXPECT_TRUE(WaitForParked(kWriters));
  EXPECT_LE(session_->GetParkedStatus().write_bytes,
            (64u << 20) + kWriters * 4096);
  outage_.End();
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(cut, kWriters - 65);
  for (size_t i = 0; i < kWriters; ++i) {
    EXPECT_EQ(Content(std::format("file{}", i)), Noise(i, kBytes)) << i;
  }
}

TEST_F(OutageTest, ChangesOfNamesWaitWhereVeryMuchIsUnstored) {
  bound_ = kBoundBytes / 4;
  MountAnew();
  for (const char* name :
       {"create", "mkdir", "symlink", "mknod", "link", "rename", "chmod",
        "setxattr", "removexattr", "truncate", "tmpfile", "other"}) {
    ASSERT_EQ(mkdir(Path(name).c_str(), 0755), 0);
    WriteFile(std::string(name) + "/old", "old");
  }
  const std::string value("a\0b", 3);
  ASSERT_EQ(setxattr(Path("removexattr/old").c_str(), "user.a", "1", 1, 0), 0);
  const std::vector<std::function<int()>> calls = {
      [&] { return Open("create/new", O_CREAT | O_EXCL).valid() ? 0 : -1; },
      [&] { return mkdir(Path("mkdir/new").c_str(), 0700); },
      [&] { return symlink("target", Path("symlink/new").c_str()); },
      [&] { return mkfifo(Path("mknod/new").c_str(), 0600); },
      [&] { return link(Path("link/old").c_str(), Path("link/new").c_str()); },
      [&] {
        return rename(Path("rename/old").c_str(), Path("rename/new").c_str());
      },
      [&] { return chmod(Path("chmod/old").c_str(), 0700); },
      [&] {
        return setxattr(Path("setxattr/old").c_str(), "user.b", value.data(),
                        value.size(), 0);
      },
      [&] { return Open("tmpfile", O_TMPFILE | O_RDWR).valid() ? 0 : -1; }};
  outage_.Begin();
  FillUp();
  std::vector<std::thread> threads;
  std::vector<int> results(calls.size(), -1);
  for (size_t i = 0; i < calls.size(); ++i) {
    threads.emplace_back([&, i] { results[i] = calls[i](); });
  }
  EXPECT_TRUE(WaitForParked(calls.size()));
  ExpectReturns("what removes something", [&] {
    EXPECT_EQ(removexattr(Path("removexattr/old").c_str(), "user.a"), 0);
    EXPECT_EQ(truncate(Path("truncate/old").c_str(), 2), 0);
    EXPECT_EQ(unlink(Path("other/old").c_str()), 0);
    EXPECT_EQ(rmdir(Path("other").c_str()), 0);
  });
  outage_.End();
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(results[i], 0) << i;
  for (const char* name : {"create", "mkdir", "symlink", "mknod", "link"}) {
    struct stat info = {};
    EXPECT_EQ(lstat(Path(std::string(name) + "/new").c_str(), &info), 0)
        << name;
  }
  EXPECT_EQ(Content("rename/new"), "old");
  EXPECT_EQ(Content("truncate/old"), "ol");
  struct stat info = {};
  EXPECT_EQ(stat(Path("chmod/old").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  char got[8];
  EXPECT_EQ(getxattr(Path("setxattr/old").c_str(), "user.b", got, sizeof(got)),
            3);
  EXPECT_EQ(std::string_view(got, 3), value);
  EXPECT_EQ(getxattr(Path("removexattr/old").c_str(), "user.a", got, 8), -1);
}

// A process of its own that makes one call, which waits.
class Blocked {
 public:
  // `call` must do no more than system calls. `session_fd` would keep the mount
  // alive if the test ended before this process.
  Blocked(int session_fd, const std::function<void()>& call) : pid_(fork()) {
    if (pid_ != 0) return;
    close(session_fd);
    // What the test framework handles would be inherited.
    for (const int number : {SIGTERM, SIGINT, SIGALRM}) {
      signal(number, SIG_DFL);
    }
    call();
    _exit(0);
  }

  void Send(int number) const { kill(pid_, number); }

  // The signal that ended it; 0: it ended by itself.
  int Wait() const {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  const pid_t pid_;
};

TEST_F(OutageTest, WhoWaitsCanBeKilled) {
  WriteFile("cold", Noise(1, kFileBytes));
  WriteFile("written", "as it was");
  MountAnew();
  UniqueFd cold = Open("cold", O_RDONLY);
  UniqueFd direct = Open("cold", O_RDONLY | O_DIRECT);
  UniqueFd written = Open("written", O_RDWR);
  UniqueFd directory = Open(".", O_RDONLY | O_DIRECTORY);
  outage_.Begin();
  FillUp();
  static char buffer[8192] __attribute__((aligned(4096)));
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"fsync", [&] { fsync(written.get()); }},
      {"fsync of a directory", [&] { fsync(directory.get()); }},
      {"read", [&] { (void)!pread(cold.get(), buffer, 4096, 0); }},
      {"direct read", [&] { (void)!pread(direct.get(), buffer, 4096, 0); }},
      {"write", [&] { (void)!pwrite(written.get(), "changed", 7, 0); }}};
  for (const auto& [name, call] : calls) {
    for (const int number : {SIGKILL, SIGTERM, SIGINT}) {
      SCOPED_TRACE(std::format("{}, signal {}", name, number));
      const uint64_t before = parked();
      const Blocked process(session_->fd(), call);
      // A read of pages stays with the kernel, which killed processes leave.
      if (std::string_view(name) != "read") {
        ASSERT_TRUE(WaitForParked(before + 1));
      } else {
        ASSERT_TRUE(WaitForParked(1));
      }
      process.Send(number);
      ExpectReturns(name, [&] { EXPECT_EQ(process.Wait(), number); });
    }
  }
  // What was not accepted has changed nothing, nor does it later.
  outage_.End();
  EXPECT_EQ(Content("written"), "as it was");
  EXPECT_EQ(fsync(written.get()), 0);
  for (UniqueFd* fd : {&cold, &direct, &written, &directory}) fd->Reset();
  MountAnew();
  EXPECT_EQ(Content("written"), "as it was");
}

TEST_F(OutageTest, ASignalWithAHandlerInterruptsNothing) {
  // Linux lets only one fsync of a file come to us at a time.
  const UniqueFd one = Open("one", O_RDWR | O_CREAT);
  const UniqueFd other = Open("other", O_RDWR | O_CREAT);
  outage_.Begin();
  ASSERT_EQ(write(one.get(), "x", 1), 1);
  const auto sync = [](const UniqueFd& file) {
    signal(SIGALRM, [](int) {});
    if (fsync(file.get()) != 0) _exit(1);
  };
  const Blocked patient(session_->fd(), [&] { sync(one); });
  ASSERT_TRUE(WaitForParked(1));
  const Blocked impatient(session_->fd(), [&] { sync(other); });
  ASSERT_TRUE(WaitForParked(2));
  for (const Blocked* process : {&patient, &impatient}) process->Send(SIGALRM);
  // The kernel tells of the first signal only.
  impatient.Send(SIGKILL);
  EXPECT_EQ(impatient.Wait(), SIGKILL);
  EXPECT_EQ(parked(), 1u);
  outage_.End();
  EXPECT_EQ(patient.Wait(), 0);
}

// What a server refuses with, by status: 400, 409, 403, 404 and so on.
TEST_F(OutageTest, RefusalsThatStayBecomeErrorsThatReadMayGive) {
  WriteFile("cold", Noise(1, kFileBytes));
  MountAnew();
  const UniqueFd file = Open("cold", O_RDONLY | O_DIRECT);
  alignas(4096) static char buffer[4096];
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kAlreadyExists,
        ErrorCode::kPermissionDenied, ErrorCode::kNotFound,
        ErrorCode::kNotSupported, ErrorCode::kDataLoss, ErrorCode::kInternal,
        ErrorCode::kIo, ErrorCode::kUnsupportedVersion}) {
    outage_.Refuse(Error(code, "the server refuses it"));
    EXPECT_EQ(pread(file.get(), buffer, sizeof(buffer), 0), -1);
    EXPECT_EQ(errno, EIO) << ErrorCodeName(code);
  }
  outage_.End();
  EXPECT_EQ(pread(file.get(), buffer, sizeof(buffer), 0), 4096);
}

TEST_F(OutageTest, RefusalsThatPassAreWaitedFor) {
  for (const ErrorCode code :
       {ErrorCode::kUnavailable, ErrorCode::kUnauthenticated,
        ErrorCode::kOutOfSpace}) {
    SCOPED_TRACE(ErrorCodeName(code));
    WriteFile("cold", Noise(1, kFileBytes));
    MountAnew();
    outage_.Refuse(Error(code, "refused for now"));
    std::string bytes;
    std::thread read([&] { bytes = Content("cold"); });
    EXPECT_TRUE(WaitForParked(1));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (session_->GetParkedStatus().read_error.empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_NE(session_->GetParkedStatus().read_error.find("refused for now"),
              std::string::npos);
    outage_.End();
    read.join();
    EXPECT_EQ(bytes, Noise(1, kFileBytes));
    EXPECT_EQ(session_->GetParkedStatus().read_error, "");
  }
}

TEST_F(OutageTest, AnFsyncTellsOfAFullStoreAndWaitsForASignIn) {
  const UniqueFd file = Open("file", O_RDWR | O_CREAT);
  outage_.Refuse(Error(ErrorCode::kOutOfSpace, "the Drive is full"));
  ASSERT_EQ(write(file.get(), "x", 1), 1);
  EXPECT_EQ(fsync(file.get()), -1);
  EXPECT_EQ(errno, ENOSPC);
  outage_.Refuse(Error(ErrorCode::kInvalidArgument, "the server's own words"));
  // The refusal before may still be on its way to the first call.
  do {
    EXPECT_EQ(fsync(file.get()), -1);
  } while (errno == ENOSPC);
  EXPECT_EQ(errno, EIO);
  outage_.Refuse(Error(ErrorCode::kUnauthenticated, "the token was revoked"));
  std::thread sync([&] {
    while (fsync(file.get()) != 0) EXPECT_EQ(errno, EIO);
  });
  EXPECT_TRUE(WaitForParked(1));
  outage_.End();
  sync.join();
}

TEST_F(OutageTest, TheMountEndsWhileRequestsWait) {
  WriteFile("cold", Noise(1, kFileBytes));
  MountAnew();
  outage_.Begin();
  FillUp();
  UniqueFd file = Open("file", O_RDWR | O_CREAT);
  std::thread sync([&] {
    fsync(file.get());
    file.Reset();
  });
  ASSERT_TRUE(WaitForParked(1));
  // Whoever uses it keeps the mount; but not its place.
  ASSERT_TRUE(session_->Unmount(/*detach=*/true));
  struct stat info = {};
  ASSERT_EQ(stat(folder_.c_str(), &info), 0);
  EXPECT_NE(info.st_dev, session_->device());
  outage_.End();
  sync.join();
}

}  // namespace
}  // namespace driveroot
