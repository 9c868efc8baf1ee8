// SPDX-License-Identifier: Apache-2.0
//
// A store that is full: what is removed need not be stored first, nothing that
// stays is lost, and garbage collection gets on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/free_space.h"
#include "driveroot/volume/random_changes.h"
#include "driveroot/volume/state_model.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

uint64_t BytesOn(const FakeAccount& account) {
  const std::lock_guard lock(account.mutex);
  uint64_t bytes = 0;
  for (const auto& [id, object] : account.objects) bytes += object.bytes.size();
  return bytes;
}

// From now on so many bytes more find room.
void LeaveRoom(FakeAccount& account, uint64_t bytes) {
  const uint64_t used = BytesOn(account);
  const std::lock_guard lock(account.mutex);
  account.quota = used + bytes;
}

void ExpectInOrder(const std::shared_ptr<FakeAccount>& account) {
  FakeObjectStore store(account);
  const Result<CheckReport> report = CheckVolume(store, {});
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
}

TEST(FullStoreTest, WhatIsRemovedNeedNotBeStored) {
  // In a record, in a segment, in several.
  for (const uint64_t size : {400'000u, 6u << 20, 9u << 20}) {
    const auto account = FormattedAccount();
    VolumeOptions options = TestOptions();
    options.segment_bytes = 2 << 20;
    options.commit_bytes = size;
    options.max_unstored_bytes = size;
    {
      const auto volume = OpenOn(account, options);
      ASSERT_TRUE(volume) << volume.error();
      ASSERT_TRUE(PutFile(**volume, "kept", "kept"));
      ASSERT_TRUE((*volume)->Sync());
      // Some of the segments find room.
      const uint64_t before = BytesOn(*account);
      LeaveRoom(*account, size / 2 + 50'000);
      ASSERT_TRUE(PutFile(**volume, "big", Noise(size, 1)));
      for (int i = 0; i < 3; ++i) {
        const Status full = (*volume)->Sync();
        ASSERT_FALSE(full) << size;
        EXPECT_EQ(full.error().code(), ErrorCode::kOutOfSpace) << full.error();
      }
      EXPECT_TRUE((*volume)->StoreIsFull());
      // Segments that found room left some in memory.
      const bool at_bound =
          (*volume)->GetStatus().unstored_bytes >= options.max_unstored_bytes;
      EXPECT_TRUE(at_bound || size > options.max_inline_bytes) << size;
      const Status more = PutFile(**volume, "more", "x");
      ASSERT_EQ(!more, at_bound) << size;
      if (more) {
        ASSERT_TRUE(RemoveFile(**volume, "more"));
      } else {
        EXPECT_EQ(more.error().code(), ErrorCode::kOutOfSpace) << more.error();
      }
      EXPECT_TRUE(GetFile(**volume, "big") == Noise(size, 1));
      ASSERT_TRUE(RemoveFile(**volume, "big"));
      const Status one = PutFile(**volume, "one", "1");
      ASSERT_TRUE(one) << size << ": " << one.error();
      const Status stored = (*volume)->Sync();
      ASSERT_TRUE(stored) << size << ": " << stored.error();
      EXPECT_LT(BytesOn(*account), before + 10'000) << size;
      EXPECT_FALSE((*volume)->StoreIsFull());
      EXPECT_EQ((*volume)->GetStatus().unstored_bytes, 0u);
      EXPECT_EQ((*volume)->GetStatus().last_error, "");
    }
    const auto again = OpenOn(account);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(GetFiles(**again).value_or(Files()),
              (Files{{"kept", "kept"}, {"one", "1"}}));
    ExpectInOrder(account);
  }
}

TEST(FullStoreTest, WhatFoundRoomIsNotStoredTwice) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.segment_bytes = 1 << 20;
  options.max_inline_bytes = 0;
  {
    const auto volume = OpenOn(account, options);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE((*volume)->Sync());
    LeaveRoom(*account, 4 << 20);
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(PutFile(**volume, "file" + std::to_string(i),
                          Noise(1 << 20, static_cast<uint32_t>(i))));
    }
    EXPECT_EQ((*volume)->Sync().error().code(), ErrorCode::kOutOfSpace);
    for (int i = 3; i < 6; ++i) {
      ASSERT_TRUE(RemoveFile(**volume, "file" + std::to_string(i)));
    }
    const Status stored = (*volume)->Sync();
    ASSERT_TRUE(stored) << stored.error();
    ASSERT_TRUE((*volume)->Close());
  }
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(GetFile(**again, "file" + std::to_string(i)) ==
                Noise(1 << 20, static_cast<uint32_t>(i)));
  }
  ExpectInOrder(account);
}

// Holds up the creation of one record and then refuses it once.
class RefusingStore : public FakeObjectStore {
 public:
  explicit RefusingStore(const std::shared_ptr<FakeAccount>& account)
      : FakeObjectStore(account) {}

  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override {
    {
      std::unique_lock lock(mutex_);
      if (armed_ && kind == ObjectKind::kLogRecord) {
        armed_ = false;
        held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return refuse_; });
        return Fail(ErrorCode::kOutOfSpace, "full for now");
      }
    }
    return FakeObjectStore::Create(id, kind, name, bytes);
  }

  void Arm() {
    const std::lock_guard lock(mutex_);
    armed_ = true;
  }
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  void Refuse() {
    const std::lock_guard lock(mutex_);
    refuse_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool armed_ = false;
  bool held_ = false;
  bool refuse_ = false;
};

TEST(FullStoreTest, RecordsBehindOneThatDoesNotFitAreTakenBack) {
  const auto account = FormattedAccount();
  {
    auto store = std::make_unique<RefusingStore>(account);
    RefusingStore& refusing = *store;
    const auto volume = Volume::Open(std::move(store), TestOptions());
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(PutFile(**volume, "before", "before"));
    ASSERT_TRUE((*volume)->Sync());
    const size_t records = account->Ids(ObjectKind::kLogRecord).size();
    refusing.Arm();
    ASSERT_TRUE(PutFile(**volume, "first", "first"));
    std::jthread first([&] { (void)(*volume)->Sync(); });
    refusing.AwaitHeld();
    ASSERT_TRUE(PutFile(**volume, "second", "second"));
    std::jthread second([&] { (void)(*volume)->Sync(); });
    // The later record is there before the earlier one.
    while (account->Ids(ObjectKind::kLogRecord).size() == records) {
      std::this_thread::yield();
    }
    refusing.Refuse();
    first.join();
    second.join();
    const Status stored = (*volume)->Sync();
    ASSERT_TRUE(stored) << stored.error();
    EXPECT_FALSE((*volume)->GetStatus().fenced);
    // One record has both, and the one that was of no use is gone.
    EXPECT_EQ(account->Ids(ObjectKind::kLogRecord).size(), records + 1);
  }
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(
      GetFiles(**again).value_or(Files()),
      (Files{{"before", "before"}, {"first", "first"}, {"second", "second"}}));
  ExpectInOrder(account);
}

TEST(FullStoreTest, AVolumeThatCannotBeClosedGoesOn) {
  const auto account = FormattedAccount();
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    LeaveRoom(*account, 50'000);
    ASSERT_TRUE(PutFile(**volume, "big", Noise(300'000, 1)));
    EXPECT_EQ((*volume)->Close().error().code(), ErrorCode::kOutOfSpace);
    ASSERT_TRUE(RemoveFile(**volume, "big"));
    ASSERT_TRUE(PutFile(**volume, "small", "small"));
    const Status closed = (*volume)->Close();
    ASSERT_TRUE(closed) << closed.error();
  }
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(GetFiles(**again).value_or(Files()), (Files{{"small", "small"}}));
}

// Whatever the store refuses in between, in the end it holds what was accepted.
TEST(FullStoreTest, RandomRefusalsLoseNothing) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    const auto account = FormattedAccount();
    StateModel model;
    RandomChanges changes(seed, &model);
    std::atomic<bool> refuses = false;
    auto random = std::make_shared<std::mt19937>(seed);
    {
      VolumeOptions options = TestOptions();
      options.commit_bytes = 1 << 20;
      options.segment_bytes = 64 << 10;
      options.max_inline_bytes = seed % 2 == 0 ? 20'000 : 0;
      const auto volume = OpenOn(
          account, options,
          [&refuses, random](const StoreCall& call) -> std::optional<Fault> {
            if (call.method != StoreCall::Method::kCreate || !refuses ||
                (*random)() % 3 != 0) {
              return std::nullopt;
            }
            return Fault{.error = Error(ErrorCode::kOutOfSpace, "full")};
          });
      ASSERT_TRUE(volume) << volume.error();
      {
        const Volume::ReadLock lock = (*volume)->Read();
        model.CreateInode(kRootInode, lock->Find(kRootInode)->attributes,
                          kRootInode);
      }
      refuses = true;
      for (int i = 0; i < 150; ++i) {
        const Status made = changes.Make(**volume);
        ASSERT_TRUE(made || made.error().code() == ErrorCode::kOutOfSpace)
            << made.error();
        if (changes.Below(8) == 0) (void)(*volume)->Sync();
      }
      refuses = false;
      const Status stored = (*volume)->Sync();
      ASSERT_TRUE(stored) << seed << ": " << stored.error();
      EXPECT_EQ(Fingerprint(**volume).value_or(0), model.fingerprint()) << seed;
    }
    model.RemoveOrphans();
    const auto again = OpenOn(account);
    ASSERT_TRUE(again) << seed << ": " << again.error();
    EXPECT_EQ(Fingerprint(**again).value_or(0), model.fingerprint()) << seed;
    ExpectInOrder(account);
  }
}

TEST(FullStoreTest, GarbageIsCollectedWithoutRoomForARecord) {
  constexpr TimeNs kDay = TimeNs{24} * 3600 * 1'000'000'000;
  const auto account = FormattedAccount();
  TimeNs now = NowNs();
  VolumeOptions options = TestOptions();
  options.now = [&now] { return now; };
  const auto change = [&](const std::function<Status(Volume&)>& step) {
    const auto volume = OpenOn(account, options);
    ASSERT_TRUE(volume) << volume.error();
    const Status done = step(**volume);
    ASSERT_TRUE(done) << done.error();
    ASSERT_TRUE((*volume)->Close());
    now += kDay;
  };
  change([](Volume& v) { return PutFile(v, "big", Noise(6 << 20, 1)); });
  change([](Volume& v) { return RemoveFile(v, "big"); });
  change([](Volume& v) { return PutFile(v, "small", "small"); });
  LeaveRoom(*account, 0);
  const auto full = OpenOn(account, options);
  ASSERT_FALSE(full);
  ASSERT_EQ(full.error().code(), ErrorCode::kOutOfSpace) << full.error();

  const RetentionPolicy nothing{.records = std::chrono::seconds(0), .days = 0};
  FakeObjectStore store(account);
  const Result<GarbageReport> freed =
      FreeWithoutWriting(store, nothing, /*steal=*/false, now);
  ASSERT_TRUE(freed) << freed.error();
  EXPECT_GT(freed->bytes_deleted, 6u << 20);
  {
    const auto volume = OpenOn(account, options);
    ASSERT_TRUE(volume) << volume.error();
    const Result<GarbageReport> report =
        (*volume)->CollectGarbage({.retention = nothing, .delete_first = true});
    ASSERT_TRUE(report) << report.error();
    EXPECT_EQ(report->past_bytes, 0u);
    EXPECT_EQ(GetFile(**volume, "small").value_or(""), "small");
    ASSERT_TRUE((*volume)->Close());
  }
  ExpectInOrder(account);
}

TEST(FullStoreTest, GarbageCollectionDeletesBeforeItWrites) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.segment_bytes = 1 << 20;
  options.max_inline_bytes = 0;
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(PutFile(**volume, std::to_string(i),
                        Noise(500'000, static_cast<uint32_t>(i))));
  }
  ASSERT_TRUE((*volume)->Sync());
  // Half of each segment is of no use, and there is no room for moving the
  // rest.
  for (int i = 0; i < 8; i += 2) {
    ASSERT_TRUE(RemoveFile(**volume, std::to_string(i)));
  }
  ASSERT_TRUE((*volume)->Sync());
  LeaveRoom(*account, 100'000);
  const Result<GarbageReport> refused = (*volume)->CollectGarbage({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfSpace) << refused.error();
  const Result<GarbageReport> report =
      (*volume)->CollectGarbage({.delete_first = true});
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report->out_of_space);
  for (int i = 1; i < 8; i += 2) {
    EXPECT_TRUE(GetFile(**volume, std::to_string(i)) ==
                Noise(500'000, static_cast<uint32_t>(i)));
  }
}

}  // namespace
}  // namespace driveroot
