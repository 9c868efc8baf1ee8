// SPDX-License-Identifier: Apache-2.0
//
// For tests: the real program with a volume on a fakedrive process, mounted by
// a daemon in the foreground that can be sent signals. Needs root and
// /dev/fuse.
#ifndef DRIVEROOT_CLI_DRIVE_MOUNT_FIXTURE_H_
#define DRIVEROOT_CLI_DRIVE_MOUNT_FIXTURE_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/process/process.h"

namespace driveroot {

class DriveMountTest : public testing::Test {
 protected:
  struct Outcome {
    int code = -1;
    std::string output;
  };

  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    // Mounts of other tests must not keep ours alive, nor the other way round.
    static const bool hidden =
        unshare(CLONE_NEWNS) == 0 &&
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ASSERT_TRUE(hidden);
    std::string folder = "/tmp/drive_mount_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ASSERT_EQ(mkdir(Path("mount").c_str(), 0755), 0);
    auto drive = fakedrive::FakeDriveProcess::Start();
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    std::filesystem::copy_file(drive_->credentials_file(), credentials());
    const Outcome made = Run({"mkfs"}, {"drive:test"});
    ASSERT_EQ(made.code, 0) << made.output;
  }

  void TearDown() override {
    if (folder_.empty()) return;
    umount2(Path("mount").c_str(), MNT_DETACH);
    daemon_.reset();
    drive_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  std::string In(const std::string& name) const {
    return Path("mount/" + name);
  }
  std::string credentials() const { return Path("credentials.json"); }
  std::string unsent() const { return Path("unsent"); }

  std::vector<std::string> Arguments(
      const std::vector<std::string>& command,
      const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = {std::string(std::getenv("TEST_SRCDIR")) +
                                    "/driveroot/driveroot/driveroot"};
    all.insert(all.end(), command.begin(), command.end());
    all.insert(all.end(), {"--drive_endpoint=" + drive_->endpoint(),
                           "--ca_file=" + drive_->ca_file(),
                           "--credentials=" + credentials()});
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

  Outcome RunPlain(const std::vector<std::string>& arguments) const {
    const std::string log = Path("output");
    const UniqueFd out(
        open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    vmtest::ProcessOptions options;
    options.arguments = arguments;
    options.standard_output = out.get();
    options.standard_error = out.get();
    Result<vmtest::Process> process = vmtest::Process::Start(options);
    EXPECT_TRUE(process);
    const std::optional<int> code = process->Wait(std::chrono::minutes(5));
    return {code.value_or(-1), ReadFile(log, 1 << 20).value_or("")};
  }
  // With the flags that lead to fakedrive.
  Outcome Run(const std::vector<std::string>& command,
              const std::vector<std::string>& arguments) const {
    return RunPlain(Arguments(command, arguments));
  }
  // Without: for commands that only talk to the daemon.
  Outcome Ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     std::string(std::getenv("TEST_SRCDIR")) +
                         "/driveroot/driveroot/driveroot");
    return RunPlain(arguments);
  }

  std::vector<std::string> MountFlags(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"mount", "--unsent_dir=" + unsent()});
    return flags;
  }

  // A daemon in the foreground; what it prints goes to DaemonOutput().
  void Mount(std::vector<std::string> flags = {}) {
    flags = MountFlags(std::move(flags));
    flags.emplace_back("--foreground");
    const UniqueFd out(open(Path("daemon").c_str(),
                            O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    vmtest::ProcessOptions options;
    options.arguments = Arguments(flags, {"drive:test", Path("mount")});
    options.standard_output = out.get();
    options.standard_error = out.get();
    Result<vmtest::Process> process = vmtest::Process::Start(options);
    ASSERT_TRUE(process);
    daemon_ = *std::move(process);
    Await("the mount", [this] { return IsMounted(); });
  }

  bool IsMounted() const {
    struct stat mount = {};
    struct stat folder = {};
    return stat(Path("mount").c_str(), &mount) == 0 &&
           stat(folder_.c_str(), &folder) == 0 && mount.st_dev != folder.st_dev;
  }

  std::string DaemonOutput() const {
    return ReadFile(Path("daemon"), 1 << 20).value_or("");
  }

  // The daemon's exit code.
  int End() {
    const std::optional<int> code = daemon_->Wait(std::chrono::minutes(5));
    EXPECT_TRUE(code) << "the daemon goes on: " << DaemonOutput();
    return code.value_or(-1);
  }

  void Await(const std::string& what, const std::function<bool()>& is_there) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    while (!is_there()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end)
          << "waited in vain for " << what << ": " << DaemonOutput();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  static void Put(const std::string& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    file.close();
    ASSERT_TRUE(file.good()) << path;
  }

  std::string Get(const std::string& name) const {
    const Result<std::string> bytes = ReadFile(In(name), 64 << 20);
    return bytes ? *bytes : bytes.error().ToString();
  }

  std::string folder_;
  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
  std::optional<vmtest::Process> daemon_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_DRIVE_MOUNT_FIXTURE_H_
