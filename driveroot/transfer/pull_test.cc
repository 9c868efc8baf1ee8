// SPDX-License-Identifier: Apache-2.0
//
// What a pull reads from the store, and in which order.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/push.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

constexpr uint64_t kFileBytes = 128 << 10;

// What a request brings: 8 MiB, as far as whole frames of 128 KiB fill them.
constexpr uint64_t kRequestBytes = (8 << 20) - kFileBytes;

class PullTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/pull-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    stdfs::create_directories(top_ / "tree");
  }
  void TearDown() override { stdfs::remove_all(top_); }

  void Write(const std::string& path, const std::string& bytes) {
    const stdfs::path file = top_ / "tree" / path;
    stdfs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }

  // Files of one frame each, of which each seventh is one that a boot reads:
  // these lie by themselves, far from their neighbours in the tree.
  void PushFiles(int count) {
    ImportOptions options;
    for (int i = 0; i < count; ++i) {
      const std::string path =
          "sub" + std::to_string(i % 5) + "/f" + std::to_string(1000 + i);
      Write(path, Noise(kFileBytes, static_cast<uint32_t>(i)));
      if (i % 7 == 0) options.boot_files.push_back(path);
    }
    const auto pushed =
        PushTree(std::make_unique<FakeObjectStore>(account_), top_ / "tree",
                 VolumeOptions(), options, TransferObserver());
    ASSERT_TRUE(pushed) << pushed.error();
  }

  // Counts the reads of segments; the rest belongs to opening the volume.
  void Pull(const std::string& to) {
    auto store = std::make_unique<FaultyObjectStore>(
        std::make_unique<FakeObjectStore>(account_),
        [this](const StoreCall& call) -> std::optional<Fault> {
          if (call.method == StoreCall::Method::kRead &&
              account_->objects.contains(call.id) &&
              account_->objects.at(call.id).kind == ObjectKind::kSegment) {
            ++segment_reads_;
          }
          return std::nullopt;
        });
    const auto pulled = PullTree(std::move(store), top_ / to, VolumeOptions(),
                                 TransferObserver());
    ASSERT_TRUE(pulled) << pulled.error();
  }

  // Requests that fetch all segments from one end to the other.
  uint64_t FewestRequests() const {
    uint64_t requests = 0;
    for (const auto& [id, object] : account_->objects) {
      if (object.kind != ObjectKind::kSegment) continue;
      requests += (object.bytes.size() + kRequestBytes - 1) / kRequestBytes;
    }
    return requests;
  }

  void ExpectSameTree(const stdfs::path& copy) const {
    for (const auto& entry :
         stdfs::recursive_directory_iterator(top_ / "tree")) {
      const stdfs::path path = stdfs::relative(entry.path(), top_ / "tree");
      if (!entry.is_regular_file() || entry.is_symlink()) continue;
      EXPECT_TRUE(Contents(entry.path()) == Contents(copy / path)) << path;
    }
  }

  static std::string Contents(const stdfs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  stdfs::path top_;
  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  std::atomic<uint64_t> segment_reads_ = 0;
};

TEST_F(PullTest, AFolderIsReadAsItIsStored) {
  // More than is planned at a time.
  PushFiles(1300);
  Pull("copy");
  EXPECT_LE(segment_reads_, FewestRequests());
  ExpectSameTree(top_ / "copy");
}

TEST_F(PullTest, AnArchiveTakesFewRequestsMore) {
  PushFiles(320);
  Pull("copy.tar");
  EXPECT_LE(segment_reads_, FewestRequests() + 2);
}

TEST_F(PullTest, NamesFoldersAndHolesAreKeptInAnyOrder) {
  Write("z/first", "shared");
  stdfs::create_directories(top_ / "tree/a/deep");
  stdfs::create_hard_link(top_ / "tree/z/first", top_ / "tree/a/deep/name");
  stdfs::create_symlink("../z", top_ / "tree/a/link");
  Write("empty", "");
  Write("hole", "");
  ASSERT_EQ(truncate((top_ / "tree/hole").c_str(), 1 << 20), 0);
  const timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 0},
                             {.tv_sec = 2000, .tv_nsec = 3}};
  ASSERT_EQ(utimensat(AT_FDCWD, (top_ / "tree/a/deep").c_str(), times, 0), 0);
  PushFiles(0);
  Pull("copy");
  struct stat first;
  struct stat second;
  struct stat folder;
  ASSERT_EQ(stat((top_ / "copy/z/first").c_str(), &first), 0);
  ASSERT_EQ(stat((top_ / "copy/a/deep/name").c_str(), &second), 0);
  ASSERT_EQ(stat((top_ / "copy/a/deep").c_str(), &folder), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
  EXPECT_EQ(folder.st_mtim.tv_sec, 2000);
  EXPECT_EQ(folder.st_mtim.tv_nsec, 3);
  EXPECT_EQ(stdfs::read_symlink(top_ / "copy/a/link"), "../z");
  EXPECT_EQ(stdfs::file_size(top_ / "copy/empty"), 0u);
  EXPECT_EQ(stdfs::file_size(top_ / "copy/hole"), 1u << 20);
  ExpectSameTree(top_ / "copy");
}

}  // namespace
}  // namespace driveroot
