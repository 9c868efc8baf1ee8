// SPDX-License-Identifier: Apache-2.0
//
// The real program on the real fakedrive, killed while it works. A manifest of
// every state that the mounted tree went through is kept outside of it. At each
// kill there is data that has not reached Drive; after it the volume is mounted
// by a new process, which has nothing but what is on Drive, and must be in one
// of these states, none before the last fsync.
//
//   bazel run //driveroot/cli:kill_test -- --rounds=200 --seed=7
#include <fcntl.h>
#include <gflags/gflags.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/process/process.h"

DEFINE_uint64(rounds, 6, "how often the program is killed");
DEFINE_uint64(seed, 1, "of the random workload");

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

using fakedrive::FakeDriveProcess;

constexpr int kChangesBeforeKill = 60;
constexpr size_t kMaxFileBytes = 300'000;
// So short that a commit is under way at each kill.
constexpr char kCommitInterval[] = "--commit_interval_ms=50";
// More than goes into a log record, so that there are segments, too.
constexpr size_t kLargeBytes = 5 << 20;
// What is written by one call is one change.
constexpr size_t kPieceBytes = 64 << 10;

// The files of the mounted tree and what is in them.
using Tree = std::map<std::string, std::string>;

// All states that the tree went through, and which were promised to be kept.
class Manifest {
 public:
  void Add(const Tree& tree) { states_.push_back(DigestOf(tree)); }
  void NoteSynced() { synced_ = states_.size() - 1; }
  size_t size() const { return states_.size(); }

  // How many changes were lost when the tree is found as it is; nothing when it
  // never was like this, or was so only before the last sync.
  std::optional<size_t> Lost(const Tree& found) const {
    const uint64_t digest = DigestOf(found);
    for (size_t i = states_.size(); i-- > synced_;) {
      if (states_[i] == digest) return states_.size() - 1 - i;
    }
    return std::nullopt;
  }

 private:
  static uint64_t DigestOf(const Tree& tree) {
    std::string text;
    for (const auto& [name, bytes] : tree) {
      text += name + " " + std::to_string(bytes.size()) + " " +
              std::to_string(std::hash<std::string>()(bytes)) + "\n";
    }
    return std::hash<std::string>()(text);
  }

  std::vector<uint64_t> states_ = {DigestOf({})};
  size_t synced_ = 0;
};

// What a program writes to its outputs until it ends with code 0.
Result<std::string> RunProgram(const std::vector<std::string>& arguments) {
  vmtest::ProcessOptions options;
  options.arguments = arguments;
  return vmtest::RunToEnd(options);
}

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    folder_ = stdfs::path(testing::TempDir()) / "kill_test";
    stdfs::remove_all(folder_);
    stdfs::create_directories(mount_ = folder_ / "mount");
    auto drive = FakeDriveProcess::Start();
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    const auto made = RunProgram(Command({"mkfs"}));
    ASSERT_TRUE(made) << made.error();
  }

  void TearDown() override { Kill(); }

  // A call of the program with the flags that lead it to fakedrive.
  std::vector<std::string> Command(std::vector<std::string> command) const {
    command.insert(command.begin(), "driveroot/driveroot");
    command.insert(
        command.end(),
        {"--drive_endpoint=" + drive_->endpoint(),
         "--ca_file=" + drive_->ca_file(),
         "--credentials=" + drive_->credentials_file(), "drive:killed"});
    return command;
  }

  void Mount() {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    std::vector<std::string> command =
        Command({"mount", "--foreground", kCommitInterval,
                 "--status_fd=" + std::to_string(out.get())});
    command.push_back(mount_);
    vmtest::ProcessOptions options;
    options.arguments = command;
    auto daemon = vmtest::Process::Start(options);
    ASSERT_TRUE(daemon) << daemon.error();
    daemon_.emplace(*std::move(daemon));
    out.Reset();
    std::string said;
    char bytes[4096];
    while (said.find("\"mounted\":true") == std::string::npos) {
      const ssize_t count = read(in.get(), bytes, sizeof(bytes));
      ASSERT_GT(count, 0) << "not mounted: " << said;
      said.append(bytes, static_cast<size_t>(count));
    }
  }

  void Kill() {
    if (!daemon_) return;
    daemon_->Kill();
    daemon_.reset();
    umount2(mount_.c_str(), MNT_DETACH);
  }

  uint64_t UnstoredBytes() const {
    const auto json =
        RunProgram({"driveroot/driveroot", "status", "--json", mount_});
    EXPECT_TRUE(json) << json.error();
    rapidjson::Document status;
    status.Parse(json.value_or("").c_str());
    if (!status.IsObject() || !status.HasMember("unstored_bytes")) {
      ADD_FAILURE() << "no status: " << json.value_or("");
      return 0;
    }
    return status["unstored_bytes"].GetUint64();
  }

  // From now on no request that would change Drive is answered, and none is
  // carried out, but the first one if `first_is_done`.
  void StopWrites(bool first_is_done) {
    if (first_is_done) {
      ASSERT_TRUE(drive_->AddFault(
          R"({"method":"POST","action":"reset_after_commit","times":1})"));
    }
    for (const std::string method : {"POST", "PUT", "PATCH"}) {
      ASSERT_TRUE(drive_->AddFault(R"({"method":")" + method +
                                   R"(","action":"reset_before_commit"})"));
    }
  }

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  std::string Text(size_t length) {
    const std::string line = std::to_string(random_()) + "\n";
    std::string text;
    while (text.size() < length) text += line;
    return text;
  }

  // Does not compress.
  std::string Noise(size_t length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  // One random change by system calls, each of which leaves a state.
  void Change() {
    const std::string name = "file" + std::to_string(Below(12));
    const std::string other = "file" + std::to_string(Below(12));
    switch (Below(8)) {
      case 0:
        if (tree_.erase(name) == 0) return;
        ASSERT_EQ(unlink(Path(name).c_str()), 0);
        manifest_.Add(tree_);
        return;
      case 1:
        if (!tree_.contains(name) || name == other) return;
        tree_[other] = tree_[name];
        tree_.erase(name);
        ASSERT_EQ(rename(Path(name).c_str(), Path(other).c_str()), 0);
        manifest_.Add(tree_);
        return;
      case 2:
        return Write(name, Text(1 + Below(kMaxFileBytes)), O_TRUNC);
      default:
        return Write(name, Text(1 + Below(2000)), O_APPEND);
    }
  }

  // Opens a file with `flags`, making it if need be, and writes to it.
  void Write(const std::string& name, const std::string& bytes, int flags) {
    if (tree_[name].size() > kMaxFileBytes) flags = O_TRUNC;
    const UniqueFd fd(
        open(Path(name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600));
    ASSERT_TRUE(fd.valid());
    if (flags == O_TRUNC) tree_[name].clear();
    manifest_.Add(tree_);
    for (size_t done = 0; done < bytes.size(); done += kPieceBytes) {
      const std::string piece = bytes.substr(done, kPieceBytes);
      ASSERT_EQ(write(fd.get(), piece.data(), piece.size()),
                static_cast<ssize_t>(piece.size()));
      tree_[name] += piece;
      manifest_.Add(tree_);
    }
    if (Below(4) > 0 || !may_sync_) return;
    ASSERT_EQ(fsync(fd.get()), 0);
    manifest_.NoteSynced();
  }

  Tree Found() const {
    Tree tree;
    for (const auto& entry : stdfs::directory_iterator(mount_)) {
      const auto bytes = ReadFile(entry.path(), 1 << 30);
      EXPECT_TRUE(bytes) << bytes.error();
      tree[entry.path().filename()] = bytes.value_or("unreadable");
    }
    return tree;
  }

  std::string Path(const std::string& name) const { return mount_ / name; }

  stdfs::path folder_;
  stdfs::path mount_;
  std::unique_ptr<FakeDriveProcess> drive_;
  std::optional<vmtest::Process> daemon_;
  Tree tree_;  // as it should be
  Manifest manifest_;
  std::mt19937_64 random_{FLAGS_seed};
  bool may_sync_ = true;
};

TEST_F(KillTest, WhatWasSyncedSurvivesEachKill) {
  std::cout << "seed " << FLAGS_seed << std::endl;
  size_t lost = 0;
  uint64_t least_unstored = UINT64_MAX;
  for (uint64_t round = 1; round <= FLAGS_rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_NO_FATAL_FAILURE(Mount());
    may_sync_ = true;
    for (int i = 0; i < kChangesBeforeKill; ++i) {
      ASSERT_NO_FATAL_FAILURE(Change());
    }
    may_sync_ = false;
    if (round % 2 == 1) {
      ASSERT_NO_FATAL_FAILURE(Write("large", Noise(kLargeBytes), O_TRUNC));
    }
    ASSERT_NO_FATAL_FAILURE(StopWrites(round % 2 == 0));
    ASSERT_NO_FATAL_FAILURE(Write("last", Text(1000), O_APPEND));
    for (int i = 0; i < kChangesBeforeKill; ++i) {
      ASSERT_NO_FATAL_FAILURE(Change());
    }
    usleep(static_cast<useconds_t>(Below(300'000)));
    // Nothing that is not stored by now will be: no answer comes any more.
    const uint64_t unstored = UnstoredBytes();
    ASSERT_GT(unstored, 0u);
    least_unstored = std::min(least_unstored, unstored);
    Kill();
    ASSERT_TRUE(drive_->ClearFaults());

    ASSERT_NO_FATAL_FAILURE(Mount());
    tree_ = Found();
    const std::optional<size_t> changes = manifest_.Lost(tree_);
    ASSERT_TRUE(changes) << "not a state since the last fsync, of "
                         << manifest_.size();
    lost += *changes;
    Kill();
    // From here on the story is the one that Drive knows.
    manifest_ = Manifest();
    manifest_.Add(tree_);
    manifest_.NoteSynced();
  }
  const auto checked = RunProgram(Command({"fsck"}));
  EXPECT_TRUE(checked) << checked.error();
  std::cout << FLAGS_rounds << " kills, 0 synced changes lost, " << lost
            << " others; at least " << least_unstored
            << " bytes not on Drive at each kill" << std::endl;
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return RUN_ALL_TESTS();
}
