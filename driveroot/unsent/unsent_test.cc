// SPDX-License-Identifier: Apache-2.0
//
// Mounts that end while their store takes nothing, and the next ones.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
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
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/unsent/apply.h"
#include "driveroot/unsent/keeping_store.h"
#include "driveroot/unsent/unsent_folder.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

using Method = StoreCall::Method;

// Small, so that there are segments as well.
VolumeOptions SmallOptions() {
  VolumeOptions options = TestOptions();
  options.max_inline_bytes = 1000;
  options.segment_bytes = 200'000;
  return options;
}

class UnsentTest : public testing::Test {
 protected:
  UnsentTest()
      : base_(stdfs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    stdfs::remove_all(base_);
  }

  // Opens the volume on a store that goes wrong as `fault_` says.
  void Open(VolumeOptions options = SmallOptions()) {
    auto store =
        std::make_unique<KeepingStore>(std::make_unique<FaultyObjectStore>(
            std::make_unique<FakeObjectStore>(account_),
            [this](const StoreCall& call) -> std::optional<Fault> {
              const std::lock_guard lock(mutex_);
              return fault_ ? fault_(call) : std::nullopt;
            }));
    store_ = store.get();
    auto volume = Volume::Open(std::move(store), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
  }

  void Break(FaultyObjectStore::Rule rule) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(rule);
  }
  void GoAway() {
    Break([](const StoreCall&) { return Fault(); });
  }

  // Ends the mount in the way of the daemon. `user` still works in it.
  void End(std::thread* user = nullptr) {
    auto writer = UnsentWriter::Make(base_,
                                     {.volume = "test:",
                                      .uuid = volume_->GetStatus().uuid,
                                      .mount_point = "/mnt",
                                      .ended = "2026-03-01T12:30:00Z",
                                      .reason = "the test says so"},
                                     /*not_on=*/0);
    ASSERT_TRUE(writer) << writer.error();
    store_->KeepFromNowOn([&](const ObjectId& id, ObjectKind kind,
                              std::string_view name, std::string_view bytes) {
      return (*writer)->Add(id, kind, name, bytes);
    });
    const Status kept = volume_->Keep();
    EXPECT_TRUE(kept) << kept.error();
    if (add_segments_) {
      const Status added = AddSegments(store_->base(), **writer);
      EXPECT_TRUE(added) << added.error();
    }
    if (user != nullptr) user->join();
    volume_.reset();
    Break(nullptr);
  }

  UnsentFolder Folder() const {
    const auto folders = ListUnsent(base_);
    EXPECT_TRUE(folders) << folders.error();
    EXPECT_EQ(folders->size(), 1U);
    return folders->at(0);
  }

  Result<uint64_t> Apply() const {
    FakeObjectStore store(account_);
    return ApplyUnsent(store, Folder());
  }

  Files FilesThere() const {
    VolumeOptions options = TestOptions();
    options.read_only = true;
    auto volume = OpenOn(account_, options);
    EXPECT_TRUE(volume) << volume.error();
    return GetFiles(**volume).value();
  }

  // The state that was kept, without storing it.
  Files FilesKept() const {
    const UnsentFolder folder = Folder();
    const auto records = ReadUnsentRecords(folder);
    EXPECT_TRUE(records) << records.error();
    VolumeOptions options = TestOptions();
    options.at = AtRecord{records->records.front().header.sequence - 1};
    options.unsent_records = records->bytes;
    auto overlay = std::make_unique<UnsentOverlay>(
        std::make_unique<FakeObjectStore>(account_), folder);
    UnsentOverlay* const view = overlay.get();
    auto volume = Volume::Open(std::move(overlay), options);
    EXPECT_TRUE(volume) << volume.error();
    view->ShowRecords();
    return GetFiles(**volume).value();
  }

  void TakeOver() {
    VolumeOptions options = SmallOptions();
    options.host_name = "other";
    options.steal = true;
    auto other = OpenOn(account_, options);
    ASSERT_TRUE(other) << other.error();
    ASSERT_TRUE(PutFile(**other, "theirs", "theirs"));
    ASSERT_TRUE((*other)->Close());
  }

  const std::string base_;
  const std::shared_ptr<FakeAccount> account_ = FormattedAccount();
  std::mutex mutex_;  // guards fault_
  FaultyObjectStore::Rule fault_;
  bool add_segments_ = false;
  KeepingStore* store_ = nullptr;
  std::unique_ptr<Volume> volume_;
};

TEST_F(UnsentTest, TheNextMountStoresWhatCouldNotBe) {
  Open();
  ASSERT_TRUE(PutFile(*volume_, "stored", "stored"));
  ASSERT_TRUE(PutFile(*volume_, "removed", "removed"));
  ASSERT_TRUE(volume_->Sync());
  GoAway();
  const std::string large = Noise(700'000, 1);
  ASSERT_TRUE(PutFile(*volume_, "small", "small"));
  ASSERT_TRUE(PutFile(*volume_, "large", large));
  ASSERT_TRUE(RemoveFile(*volume_, "removed"));
  const Files files = GetFiles(*volume_).value();
  End();
  EXPECT_FALSE(FilesThere().contains("small"));
  EXPECT_EQ(FilesKept(), files);
  const Result<uint64_t> stored = Apply();
  ASSERT_TRUE(stored) << stored.error();
  EXPECT_GE(*stored, 1U);
  EXPECT_EQ(FilesThere(), files);
  // Once more does no harm: the folder may be left by a crash.
  EXPECT_EQ(Apply().value(), 0U);
  Open();
  ASSERT_TRUE(PutFile(*volume_, "later", "later"));
  ASSERT_TRUE(volume_->Close());
  EXPECT_EQ(Apply().value(), 0U);
}

TEST_F(UnsentTest, WhatIsOnItsWayIsKeptToo) {
  VolumeOptions options = SmallOptions();
  options.commit_interval = std::chrono::milliseconds(1);
  Open(options);
  ASSERT_TRUE(PutFile(*volume_, "stored", "stored"));
  ASSERT_TRUE(volume_->Sync());
  std::atomic<int> tried = 0;
  Break([&](const StoreCall& call) -> std::optional<Fault> {
    if (call.method == Method::kCreate) ++tried;
    return Fault();
  });
  // Several records and segments under way, each of them refused by now.
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(PutFile(*volume_, "file" + std::to_string(i),
                        Noise(300 + 3000 * (i % 2), i)));
    const int before = tried;
    while (i < 3 && tried == before) std::this_thread::yield();
  }
  const Files files = GetFiles(*volume_).value();
  End();
  ASSERT_TRUE(Apply());
  EXPECT_EQ(FilesThere(), files);
}

TEST_F(UnsentTest, WhatArrivedUnansweredIsFoundThere) {
  VolumeOptions options = SmallOptions();
  options.commit_interval = std::chrono::milliseconds(1);
  Open(options);
  ASSERT_TRUE(volume_->Sync());
  std::atomic<bool> sent = false;
  Break([&](const StoreCall& call) -> std::optional<Fault> {
    Fault fault;
    fault.lost_response =
        call.method == Method::kCreate && !sent.exchange(true);
    return fault;
  });
  ASSERT_TRUE(PutFile(*volume_, "file", Noise(5000, 1)));
  while (!sent) std::this_thread::yield();
  ASSERT_TRUE(PutFile(*volume_, "more", "more"));
  const Files files = GetFiles(*volume_).value();
  End();
  ASSERT_TRUE(Apply());
  EXPECT_EQ(FilesThere(), files);
}

TEST_F(UnsentTest, AFullStore) {
  Open();
  ASSERT_TRUE(volume_->Sync());
  Break([](const StoreCall& call) -> std::optional<Fault> {
    if (call.method != Method::kCreate) return std::nullopt;
    return Fault{.error = Error(ErrorCode::kOutOfSpace, "full")};
  });
  ASSERT_TRUE(PutFile(*volume_, "file", Noise(5000, 1)));
  EXPECT_EQ(volume_->Sync().error().code(), ErrorCode::kOutOfSpace);
  EXPECT_FALSE(volume_->Close());
  End();
  // Still full: it stays where it is.
  FaultyObjectStore full(
      std::make_unique<FakeObjectStore>(account_),
      [](const StoreCall& call) -> std::optional<Fault> {
        if (call.method != Method::kCreate) return std::nullopt;
        return Fault{.error = Error(ErrorCode::kOutOfSpace, "full")};
      });
  EXPECT_EQ(ApplyUnsent(full, Folder()).error().code(), ErrorCode::kOutOfSpace);
  ASSERT_TRUE(Apply());
  EXPECT_EQ(FilesThere().at("file"), Noise(5000, 1));
}

TEST_F(UnsentTest, AnEndWhileClosing) {
  Open();
  ASSERT_TRUE(volume_->Sync());
  GoAway();
  ASSERT_TRUE(PutFile(*volume_, "file", Noise(5000, 1)));
  std::future<Status> closed =
      std::async(std::launch::async, [this] { return volume_->Close(); });
  while (volume_->GetStatus().last_error.empty()) std::this_thread::yield();
  auto writer =
      UnsentWriter::Make(base_, {.uuid = volume_->GetStatus().uuid}, 0);
  ASSERT_TRUE(writer) << writer.error();
  store_->KeepFromNowOn([&](const ObjectId& id, ObjectKind kind,
                            std::string_view name, std::string_view bytes) {
    return (*writer)->Add(id, kind, name, bytes);
  });
  ASSERT_TRUE(volume_->Keep());
  EXPECT_FALSE(closed.get());
  volume_.reset();
  writer->reset();
  Break(nullptr);
  ASSERT_TRUE(Apply());
  EXPECT_EQ(FilesThere().at("file"), Noise(5000, 1));
}

TEST_F(UnsentTest, IdsDoNotRunOut) {
  Open();
  Break([](const StoreCall& call) -> std::optional<Fault> {
    if (call.method == Method::kNewIds) return Fault();
    return std::nullopt;
  });
  // Until there are no more than the reserve, for which writing waits.
  std::thread writer([this] {
    for (int i = 0; i < 250; ++i) {
      if (!PutFile(*volume_, "file", std::to_string(i))) return;
      if (!volume_->Sync()) return;
    }
  });
  while (volume_->GetStatus().last_error.empty()) std::this_thread::yield();
  GoAway();
  ASSERT_TRUE(PutFile(*volume_, "last", Noise(700'000, 1)));
  End(&writer);
  const Result<uint64_t> stored = Apply();
  ASSERT_TRUE(stored) << stored.error();
  EXPECT_EQ(FilesThere().at("last"), Noise(700'000, 1));
}

TEST_F(UnsentTest, AnotherWriterWentOn) {
  Open();
  ASSERT_TRUE(PutFile(*volume_, "both", "both"));
  ASSERT_TRUE(volume_->Sync());
  TakeOver();
  // One transaction finds itself fenced, another one comes after it.
  ASSERT_TRUE(PutFile(*volume_, "ours", Noise(5000, 1)));
  EXPECT_EQ(volume_->Sync().error().code(), ErrorCode::kFenced);
  const Files files = GetFiles(*volume_).value();
  add_segments_ = true;
  End();
  const std::vector<ObjectId> before = account_->Ids(ObjectKind::kLogRecord);
  EXPECT_EQ(Apply().error().code(), ErrorCode::kFenced);
  EXPECT_EQ(account_->Ids(ObjectKind::kLogRecord), before);
  EXPECT_FALSE(FilesThere().contains("ours"));
  EXPECT_EQ(FilesKept(), files);
  // Segments that are nobody's on the store may go there.
  for (const auto& [id, object] : Folder().segments) {
    account_->objects.erase(id);
  }
  EXPECT_FALSE(Folder().segments.empty());
  EXPECT_EQ(FilesKept(), files);
}

TEST_F(UnsentTest, AnotherWriterWasSeenBeforeASegmentOrARecord) {
  VolumeOptions options = SmallOptions();
  options.absence = std::chrono::milliseconds(0);
  Open(options);
  ASSERT_TRUE(PutFile(*volume_, "both", "both"));
  ASSERT_TRUE(volume_->Sync());
  TakeOver();
  ASSERT_TRUE(PutFile(*volume_, "ours", Noise(5000, 1)));
  EXPECT_EQ(volume_->Sync().error().code(), ErrorCode::kFenced);
  const Files files = GetFiles(*volume_).value();
  const size_t objects = account_->objects.size();
  End();
  EXPECT_EQ(account_->objects.size(), objects);
  EXPECT_EQ(FilesKept(), files);
}

TEST_F(UnsentTest, OneThatWasOpenedSinceWentOnToo) {
  Open();
  ASSERT_TRUE(volume_->Sync());
  GoAway();
  ASSERT_TRUE(PutFile(*volume_, "file", "file"));
  End();
  TakeOver();
  EXPECT_EQ(Apply().error().code(), ErrorCode::kFenced);
  EXPECT_EQ(FilesKept().at("file"), "file");
}

TEST_F(UnsentTest, WhileItsWriterMayBeAtWorkNothingIsStored) {
  VolumeOptions options = SmallOptions();
  options.host_name = "another machine";
  Open(options);
  ASSERT_TRUE(volume_->Sync());
  GoAway();
  ASSERT_TRUE(PutFile(*volume_, "file", "file"));
  End();
  EXPECT_EQ(Apply().error().code(), ErrorCode::kBusy);
}

TEST_F(UnsentTest, DamageIsFoundBeforeAnythingIsStored) {
  Open();
  ASSERT_TRUE(volume_->Sync());
  GoAway();
  ASSERT_TRUE(PutFile(*volume_, "file", Noise(5000, 1)));
  End();
  const UnsentFolder folder = Folder();
  std::vector<std::string> paths;
  for (const auto& [sequence, record] : folder.records) {
    paths.push_back(record.path);
  }
  for (const auto& [id, segment] : folder.segments) {
    paths.push_back(segment.path);
  }
  ASSERT_EQ(paths.size(), 2U);
  const size_t objects = account_->objects.size();
  for (const std::string& path : paths) {
    const std::string bytes = ReadFile(path, 1 << 20).value();
    for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      std::string other = bytes;
      other[at] ^= 1;
      std::ofstream(path, std::ios::binary) << other;
      EXPECT_EQ(Apply().error().code(), ErrorCode::kDataLoss) << path;
    }
    std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    EXPECT_FALSE(Apply());
    stdfs::remove(path);
    EXPECT_FALSE(Apply());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  EXPECT_EQ(account_->objects.size(), objects);
  EXPECT_TRUE(Apply());
}

TEST_F(UnsentTest, FoldersAreOfOneUserAlone) {
  EXPECT_TRUE(ListUnsent(base_)->empty());
  const UnsentNote note{.uuid = "uuid", .ended = "2026-03-01T12:30:00Z"};
  struct stat info = {};
  {
    auto writer = UnsentWriter::Make(base_, note, 0);
    ASSERT_TRUE(writer) << writer.error();
    ASSERT_TRUE((*writer)->Add("id-1", ObjectKind::kLogRecord,
                               "00000000000000000007", "bytes"));
    EXPECT_FALSE((*writer)->Add("../id", ObjectKind::kSegment, "", ""));
    const UnsentFolder folder = Folder();
    EXPECT_EQ(folder.records.at(7).id, "id-1");
    EXPECT_EQ(folder.name, "uuid-2026-03-01T123000Z");
    // Nobody else uses it meanwhile.
    EXPECT_EQ(LockUnsent(folder).error().code(), ErrorCode::kBusy);
    ASSERT_EQ(stat(folder.path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    ASSERT_EQ(stat(folder.records.at(7).path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
  }
  EXPECT_TRUE(LockUnsent(Folder()));
  // A second end in the same second.
  EXPECT_TRUE(UnsentWriter::Make(base_, note, 0));
  EXPECT_EQ(ListUnsent(base_)->size(), 2U);
  stdfs::create_symlink("/etc", base_ + "/link");
  EXPECT_EQ(ListUnsent(base_)->size(), 2U);
  ASSERT_TRUE(DiscardUnsent(ListUnsent(base_)->front()));
  EXPECT_EQ(ListUnsent(base_)->size(), 1U);

  ASSERT_EQ(stat(base_.c_str(), &info), 0);
  EXPECT_EQ(UnsentWriter::Make(base_, note, info.st_dev).error().code(),
            ErrorCode::kBusy);
  ASSERT_EQ(chmod(base_.c_str(), 0755), 0);
  EXPECT_EQ(UnsentWriter::Make(base_, note, 0).error().code(),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(ListUnsent(base_).error().code(), ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace driveroot
