// SPDX-License-Identifier: Apache-2.0
//
// Credentials that are revoked while a volume is mounted, and renewed by
// `driveroot login` in the same file: the mount waits, and goes on.
#include <fcntl.h>
#include <unistd.h>

#include <future>

#include "driveroot/base/noise.h"
#include "driveroot/cli/drive_mount_fixture.h"

namespace driveroot {
namespace {

class RevokedMountTest : public DriveMountTest {
 protected:
  // A file of which nothing is in memory.
  void PutCold(const std::string& name, const std::string& bytes) {
    Put(In(name), bytes);
    const UniqueFd fd(open(In(name).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(fsync(fd.get()), 0);
    ASSERT_EQ(posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  }
  uint64_t TokenRequests() const {
    auto stats = drive_->Stats();
    EXPECT_TRUE(stats) << stats.error();
    return stats->requests["token"];
  }
  // Returns when the mount knows it.
  void Revoke() {
    const uint64_t before = TokenRequests();
    ASSERT_TRUE(drive_->Revoke("all"));
    refused_ = [this, before] { return TokenRequests() > before; };
  }
  void LogIn() {
    const Outcome login = Run({"login"}, {});
    ASSERT_EQ(login.code, 0) << login.output;
  }

  std::function<bool()> refused_;
};

TEST_F(RevokedMountTest, ReadsAndSyncsWaitForNewCredentials) {
  Mount({"--cache_mb=1"});
  const std::string cold = Noise(6 << 20, 1);
  PutCold("cold", cold);
  Revoke();
  std::future<std::string> read =
      std::async(std::launch::async, [this] { return Get("cold"); });
  Await("the refusal", refused_);
  Put(In("new"), "new");
  std::future<int> synced = std::async(std::launch::async, [this] {
    const UniqueFd fd(open(In("new").c_str(), O_RDONLY | O_CLOEXEC));
    return fsync(fd.get());
  });
  // Neither is refused.
  EXPECT_EQ(read.wait_for(std::chrono::seconds(3)),
            std::future_status::timeout);
  EXPECT_EQ(synced.wait_for(std::chrono::seconds(0)),
            std::future_status::timeout);
  // What is in memory is there meanwhile.
  EXPECT_EQ(Get("new"), "new");
  LogIn();
  EXPECT_TRUE(read.get() == cold);
  EXPECT_EQ(synced.get(), 0);
  const Outcome unmounted = Ask({"unmount", Path("mount")});
  EXPECT_EQ(unmounted.code, 0) << unmounted.output;
  EXPECT_EQ(End(), 0);
}

TEST_F(RevokedMountTest, AnUnmountSaysWhatItWaitsFor) {
  Mount({"--commit_interval_ms=3600000"});
  Put(In("file"), "file");
  Revoke();
  std::future<Outcome> unmount = std::async(
      std::launch::async, [this] { return Ask({"unmount", Path("mount")}); });
  Await("the reason", [this] {
    return ReadFile(Path("output"), 1 << 20)
        .value_or("")
        .contains("driveroot login");
  });
  // Its own output file is in use.
  vmtest::ProcessOptions login;
  login.arguments = Arguments({"login"}, {});
  ASSERT_TRUE(vmtest::RunToEnd(login));
  const Outcome outcome = unmount.get();
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_EQ(End(), 0);
  Mount();
  EXPECT_EQ(Get("file"), "file");
}

TEST_F(RevokedMountTest, CommandsFailAtOnce) {
  ASSERT_TRUE(drive_->Revoke("all"));
  for (const char* command : {"status", "log"}) {
    const Outcome outcome = Run({command}, {"drive:test"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_TRUE(outcome.output.contains("driveroot login")) << outcome.output;
  }
  const Outcome mounted = Run(MountFlags({}), {"drive:test", Path("mount")});
  EXPECT_EQ(mounted.code, 1);
  EXPECT_TRUE(mounted.output.contains("driveroot login")) << mounted.output;
}

}  // namespace
}  // namespace driveroot
