// SPDX-License-Identifier: Apache-2.0
//
// Refusals of the store under a volume that is open: all that time or a person
// may mend is waited out, only another writer that is proven fences, and an id
// that is called taken is looked at.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/volume.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

using Method = StoreCall::Method;

void ExpectOnAccount(const std::shared_ptr<FakeAccount>& account,
                     const Files& files) {
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  EXPECT_TRUE(GetFiles(**again).value_or(Files()) == files);
  FakeObjectStore store(account);
  const Result<CheckReport> report = CheckVolume(store, {});
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
}

// Syncs until that succeeds; each time it may be told of a refusal.
void SyncInTheEnd(Volume& volume) {
  for (int i = 0; i < 1000; ++i) {
    if (volume.Sync()) return;
    ASSERT_FALSE(volume.GetStatus().fenced);
  }
  FAIL() << volume.GetStatus().last_error;
}

TEST(RefusalTest, EveryRefusalIsWaitedOut) {
  for (const ErrorCode code :
       {ErrorCode::kNotFound, ErrorCode::kInternal,
        ErrorCode::kPermissionDenied, ErrorCode::kInvalidArgument,
        ErrorCode::kUnauthenticated, ErrorCode::kUnavailable,
        ErrorCode::kDataLoss, ErrorCode::kOutOfSpace}) {
    for (const size_t size : {10u, 6u << 20}) {
      const auto account = FormattedAccount();
      std::atomic<int> refusals = 0;
      const auto volume =
          OpenOn(account, TestOptions(),
                 [&](const StoreCall& call) -> std::optional<Fault> {
                   if (!call.IsWrite() || refusals == 0) return std::nullopt;
                   --refusals;
                   return Fault{.error = Error(code, "refused for now")};
                 });
      ASSERT_TRUE(volume) << volume.error();
      refusals = 5;
      const std::string bytes = Noise(size, 1);
      ASSERT_TRUE(PutFile(**volume, "file", bytes));
      SyncInTheEnd(**volume);
      EXPECT_EQ(refusals, 0) << ErrorCodeName(code);
      ASSERT_TRUE(PutFile(**volume, "more", "more")) << ErrorCodeName(code);
      SyncInTheEnd(**volume);
      EXPECT_EQ((*volume)->GetStatus().last_error, "") << ErrorCodeName(code);
      ExpectOnAccount(account, {{"file", bytes}, {"more", "more"}});
    }
  }
}

TEST(RefusalTest, WhileItLastsItIsTold) {
  const auto account = FormattedAccount();
  std::atomic<bool> refuses = false;
  const auto volume =
      OpenOn(account, TestOptions(),
             [&](const StoreCall& call) -> std::optional<Fault> {
               if (!call.IsWrite() || !refuses) return std::nullopt;
               return Fault{.error = Error(ErrorCode::kNotFound,
                                           "the folder is in the trash")};
             });
  ASSERT_TRUE(volume) << volume.error();
  refuses = true;
  ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
  EXPECT_FALSE((*volume)->Sync());
  EXPECT_TRUE((*volume)->GetStatus().last_error.contains("in the trash"));
  EXPECT_FALSE((*volume)->GetStatus().fenced);
  EXPECT_TRUE(PutFile(**volume, "other", "accepted meanwhile"));
  refuses = false;
  SyncInTheEnd(**volume);
}

// The id is called taken, whatever lies there: nothing, or others' bytes.
TEST(RefusalTest, ATakenIdIsLookedAt) {
  for (const ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                                ObjectKind::kCheckpoint}) {
    for (const bool something_is_there : {false, true}) {
      // A record's id is not free to be chosen: there it is a person's to mend.
      if (kind == ObjectKind::kLogRecord && something_is_there) continue;
      const auto account = FormattedAccount();
      const std::string bytes = Noise(6 << 20, 1);
      std::atomic<int> lies = 0;
      {
        const auto volume = OpenOn(
            account, TestOptions(),
            [&](const StoreCall& call) -> std::optional<Fault> {
              if (call.method != Method::kCreate || call.kind != kind ||
                  lies == 0) {
                return std::nullopt;
              }
              --lies;
              if (something_is_there) {
                const std::lock_guard lock(account->mutex);
                account->taken.insert(call.id);
                account->objects[call.id] = {kind, "1", "another's bytes"};
              }
              return Fault{.error = Error(ErrorCode::kAlreadyExists, "taken")};
            });
        ASSERT_TRUE(volume) << volume.error();
        lies = 2;
        ASSERT_TRUE(PutFile(**volume, "file", bytes));
        SyncInTheEnd(**volume);
        while (!(*volume)->Close()) {
        }
        EXPECT_EQ(lies, 0);
        EXPECT_FALSE((*volume)->GetStatus().fenced);
      }
      ExpectOnAccount(account, {{"file", bytes}});
    }
  }
}

TEST(RefusalTest, AnAnswerThatWasLostIsFoundOut) {
  for (const ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                                ObjectKind::kCheckpoint}) {
    const auto account = FormattedAccount();
    const std::string bytes = Noise(6 << 20, 1);
    std::atomic<int> lost = 0;
    {
      const auto volume =
          OpenOn(account, TestOptions(),
                 [&](const StoreCall& call) -> std::optional<Fault> {
                   if (call.method != Method::kCreate || call.kind != kind ||
                       lost == 0) {
                     return std::nullopt;
                   }
                   --lost;
                   return Fault{.lost_response = true};
                 });
      ASSERT_TRUE(volume) << volume.error();
      lost = 1;
      ASSERT_TRUE(PutFile(**volume, "file", bytes));
      SyncInTheEnd(**volume);
      ASSERT_TRUE((*volume)->Close());
      EXPECT_EQ(lost, 0);
    }
    ExpectOnAccount(account, {{"file", bytes}});
  }
}

TEST(RefusalTest, ADamagedReadOfARecordFencesNobody) {
  const auto account = FormattedAccount();
  auto store = std::make_unique<FaultyObjectStore>(
      std::make_unique<FakeObjectStore>(account), nullptr);
  FaultyObjectStore& faulty = *store;
  const auto volume = Volume::Open(std::move(store), TestOptions());
  ASSERT_TRUE(volume) << volume.error();
  VolumeOptions other_options = TestOptions();
  other_options.steal = true;
  const auto other = OpenOn(account, other_options);
  ASSERT_TRUE(other) << other.error();
  std::atomic<int> reads = 0;
  faulty.set_damage([&](const ObjectId&, uint64_t, std::string& bytes) {
    if (++reads <= 3) bytes = bytes.substr(0, bytes.size() / 2);
  });
  ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
  const Status stored = (*volume)->Sync();
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code(), ErrorCode::kFenced) << stored.error();
  // By the first record of the other writer that was read whole.
  EXPECT_GT(reads, 3);
}

class StaleSuperblockTest : public testing::Test {
 protected:
  // A writer that looks at the superblock before each record.
  void SetUp() override {
    VolumeOptions options = TestOptions();
    options.absence = std::chrono::milliseconds(0);
    auto volume = OpenOn(account_, options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
    ASSERT_TRUE(PutFile(*volume_, "file", "bytes"));
    ASSERT_TRUE(volume_->Sync());
    ASSERT_TRUE(PutFile(*volume_, "file", "more bytes"));
  }

  void SetSuperblock(std::optional<std::string> bytes) {
    const std::lock_guard lock(account_->mutex);
    account_->superblock = std::move(bytes);
  }

  Superblock Ahead() {
    Superblock superblock = *ParseSuperblock(*account_->superblock);
    superblock.log.sequence += 100;
    superblock.log.hash[0] ^= 1;
    return superblock;
  }

  const std::shared_ptr<FakeAccount> account_ = FormattedAccount();
  std::unique_ptr<Volume> volume_;
};

TEST_F(StaleSuperblockTest, AMissingOneProvesNothing) {
  SetSuperblock(std::nullopt);
  EXPECT_TRUE(volume_->Sync());
}

TEST_F(StaleSuperblockTest, ADamagedOneProvesNothing) {
  SetSuperblock(account_->superblock->substr(0, 20));
  EXPECT_TRUE(volume_->Sync());
}

TEST_F(StaleSuperblockTest, AnotherVolumesProvesNothing) {
  Superblock superblock = Ahead();
  superblock.uuid.back() = superblock.uuid.back() == '0' ? '1' : '0';
  SetSuperblock(*EncodeSuperblock(superblock));
  EXPECT_TRUE(volume_->Sync());
}

TEST_F(StaleSuperblockTest, OneThatIsAheadFences) {
  SetSuperblock(*EncodeSuperblock(Ahead()));
  const Status stored = volume_->Sync();
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code(), ErrorCode::kFenced) << stored.error();
}

}  // namespace
}  // namespace driveroot
