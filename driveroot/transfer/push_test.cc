// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/push.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/boot_files.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/delta.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

// Notes in what order segments are prepared and stored.
class WatchedStore : public FakeObjectStore {
 public:
  struct Seen {
    std::vector<ObjectId> prepared;
    std::vector<ObjectId> stored;
    std::vector<ObjectId> stored_unprepared;
    std::mutex mutex;
  };

  WatchedStore(std::shared_ptr<FakeAccount> account, Seen* seen)
      : FakeObjectStore(std::move(account)), seen_(seen) {}

  void PrepareCreate(const ObjectId& id, ObjectKind,
                     std::string_view) override {
    const std::lock_guard lock(seen_->mutex);
    seen_->prepared.push_back(id);
  }
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override {
    if (kind == ObjectKind::kSegment) {
      const std::lock_guard lock(seen_->mutex);
      seen_->stored.push_back(id);
      if (std::ranges::find(seen_->prepared, id) == seen_->prepared.end()) {
        seen_->stored_unprepared.push_back(id);
      }
    }
    return FakeObjectStore::Create(id, kind, name, bytes);
  }

 private:
  Seen* seen_;
};

class PushTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/push-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    stdfs::create_directories(top_ / "tree/sub");
  }
  void TearDown() override { stdfs::remove_all(top_); }

  void Write(const std::string& path, const std::string& bytes) {
    const stdfs::path file = top_ / "tree" / path;
    stdfs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }

  std::unique_ptr<ObjectStore> Store() {
    return std::make_unique<FaultyObjectStore>(
        std::make_unique<WatchedStore>(account_, &seen_),
        [this](const StoreCall& call) -> std::optional<Fault> {
          const bool is_segment = call.method == StoreCall::Method::kCreate &&
                                  call.kind == ObjectKind::kSegment;
          if (is_segment && segments_left_ == 0) down_ = true;
          if (is_segment) --segments_left_;
          return down_ ? std::optional(Fault()) : std::nullopt;
        });
  }

  void Push(const ImportOptions& options = {}) {
    const auto summary = PushTree(Store(), top_ / "tree", VolumeOptions(),
                                  options, TransferObserver());
    ASSERT_TRUE(summary) << summary.error();
  }

  uint64_t StoredBytes() const {
    uint64_t bytes = 0;
    for (const auto& [id, object] : account_->objects) {
      bytes += object.bytes.size();
    }
    return bytes;
  }

  stdfs::path top_;
  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  // Segments that are stored before the network goes down.
  std::atomic<int> segments_left_ = 1'000'000;
  std::atomic<bool> down_ = false;
  WatchedStore::Seen seen_;
};

TEST_F(PushTest, NothingThatIsThereIsSentAgain) {
  Write("large", Noise(20'000'000, 1));
  for (int i = 0; i < 300; ++i) {
    Write("sub/" + std::to_string(i), Noise(3000 + 7 * i, 100 + i));
  }
  Push();
  const uint64_t before = StoredBytes();
  EXPECT_GT(before, 20'000'000u);
  Push();
  EXPECT_LT(StoredBytes(), before + 200'000);
  // Of a file that changed in the middle, only a frame is new.
  std::string changed = Noise(20'000'000, 1);
  changed[9'000'000] ^= 1;
  Write("large", changed);
  Push();
  EXPECT_LT(StoredBytes(), before + 600'000);
}

TEST_F(PushTest, IsCompressedThoroughly) {
  // What a root mostly consists of.
  const Result<std::string> program = ReadFile("/proc/self/exe", 64 << 20);
  ASSERT_TRUE(program) << program.error();
  Write("program", *program);
  uint64_t quick = 0;
  for (size_t at = 0; at < program->size(); at += kMaxFrameBytes) {
    quick += CompressFrame(program->substr(at, kMaxFrameBytes)).size();
  }
  Push();
  uint64_t stored = 0;
  for (const auto& [id, object] : account_->objects) {
    // These hold some frames once more, as they are.
    if (object.kind == ObjectKind::kCheckpoint) continue;
    stored += object.bytes.size();
  }
  EXPECT_LT(stored, quick);
}

TEST_F(PushTest, ASmallSegmentGoesAheadOfALargeOneThatIsPrepared) {
  for (int i = 0; i < 60; ++i) {
    Write("sub/" + std::to_string(i), Noise(1'000'000, i));
  }
  Push();
  ASSERT_EQ(seen_.stored.size(), 2u);
  ASSERT_EQ(seen_.prepared.size(), 1u);
  ASSERT_EQ(seen_.stored_unprepared.size(), 1u);
  EXPECT_GT(account_->objects.at(seen_.prepared[0]).bytes.size(), 40'000'000u);
  EXPECT_LT(account_->objects.at(seen_.stored_unprepared[0]).bytes.size(),
            20'000'000u);
}

TEST_F(PushTest, APushThatWasBrokenOffGoesOn) {
  for (int i = 0; i < 10; ++i) {
    Write("sub/" + std::to_string(i), Noise(10'000'000, i));
  }
  segments_left_ = 1;
  const auto broken = PushTree(Store(), top_ / "tree", VolumeOptions(),
                               ImportOptions(), TransferObserver());
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kUnavailable) << broken.error();
  const size_t sent = account_->Ids(ObjectKind::kSegment).size();
  EXPECT_EQ(sent, 1u);
  down_ = false;
  segments_left_ = 1'000'000;
  // The machine has booted since, so the writer is gone.
  VolumeOptions later;
  later.boot_id = "later";
  const auto pushed = PushTree(Store(), top_ / "tree", later, ImportOptions(),
                               TransferObserver());
  ASSERT_TRUE(pushed) << pushed.error();
  EXPECT_LT(StoredBytes(), 103'000'000u);
  const auto pulled =
      PullTree(Store(), top_ / "copy", VolumeOptions(), TransferObserver());
  ASSERT_TRUE(pulled) << pulled.error();
  std::ifstream file(top_ / "copy/sub/7", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(bytes == Noise(10'000'000, 7));
}

TEST_F(PushTest, BootFilesLieSideBySide) {
  for (int i = 0; i < 300; ++i) {
    Write("sub/" + std::to_string(i), Noise(50'000, i));
  }
  const std::vector<std::string> boot = {"/sub/280", "./sub/3", "sub/nosuch",
                                         "sub/150", "sub/77"};
  Push({.boot_files = boot});
  VolumeOptions options;
  options.read_only = true;
  const auto volume = Volume::Open(Store(), options);
  ASSERT_TRUE(volume) << volume.error();
  const Volume::ReadLock lock = (*volume)->Read();
  std::vector<StoredFrame> frames;
  for (const FrameNumber number : lock->boot_trace()) {
    frames.push_back(lock->FindFrame(number).value_or(StoredFrame()));
  }
  // 200 kB that do not compress.
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].object, frames[1].object);
  EXPECT_EQ(frames[0].object_offset + frames[0].stored_length,
            frames[1].object_offset);
  std::vector<FrameNumber> found;
  const InodeNumber sub = lock->Lookup(kRootInode, "sub");
  for (const char* name : {"280", "3", "150", "77"}) {
    const Inode* file = lock->Find(lock->Lookup(sub, name));
    for (const Extent& extent : file->extents().all()) {
      if (found.empty() || found.back() != extent.frame) {
        found.push_back(extent.frame);
      }
    }
  }
  EXPECT_EQ(found, lock->boot_trace());
  EXPECT_EQ(BootFiles(*lock), (std::vector<std::string>{"sub/280", "sub/3",
                                                        "sub/150", "sub/77"}));
}

TEST_F(PushTest, WithoutATraceTheLikelyFilesLieSideBySide) {
  for (int i = 0; i < 100; ++i) {
    Write("usr/bin/" + std::to_string(i), Noise(50'000, i));
  }
  Write("sbin/init", Noise(50'000, 1000));
  Write("etc/passwd", "root:x:0:0::/:/usr/bin/77\n");
  Push();
  {
    VolumeOptions options;
    options.read_only = true;
    const auto volume = Volume::Open(Store(), options);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_EQ((*volume)->GetBootLayout().requests, 1u);
    EXPECT_EQ(
        BootFiles(*(*volume)->Read()),
        (std::vector<std::string>{"sbin/init", "etc/passwd", "usr/bin/77"}));
  }
  // The same tree makes the same frames: only the checkpoint is new.
  const uint64_t before = StoredBytes();
  EXPECT_GT(before, 5'000'000u);
  Push();
  EXPECT_LT(StoredBytes(), before + 200'000);
}

}  // namespace
}  // namespace driveroot
