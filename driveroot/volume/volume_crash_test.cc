// SPDX-License-Identifier: Apache-2.0
//
// Volumes on stores that fail or are damaged, and among other writers, one case
// at a time. crash_points_test and two_writers_test go through all cases of
// their kind.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/volume/record.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

VolumeOptions OnHost(const std::string& host) {
  VolumeOptions options = TestOptions();
  options.host_name = host;
  options.boot_id = "boot of " + host;
  return options;
}

TEST(FencingTest, TheOtherWriterWins) {
  const auto account = FormattedAccount();
  const auto first = OpenOn(account, OnHost("first"));
  ASSERT_TRUE(first) << first.error();
  ASSERT_TRUE(PutFile(**first, "a", "1"));
  ASSERT_TRUE((*first)->Sync());

  const auto refused = OpenOn(account, OnHost("second"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kBusy);
  EXPECT_NE(refused.error().message().find("host first"), std::string::npos);
  EXPECT_NE(refused.error().message().find("--steal"), std::string::npos);

  VolumeOptions options = OnHost("second");
  options.steal = true;
  const auto second = OpenOn(account, options);
  ASSERT_TRUE(second) << second.error();
  ASSERT_TRUE(PutFile(**second, "b", "2"));
  ASSERT_TRUE((*second)->Sync());

  ASSERT_TRUE(PutFile(**first, "c", "3"));
  const Status lost = (*first)->Sync();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::kFenced);
  EXPECT_NE(lost.error().message().find("second"), std::string::npos);
  EXPECT_EQ((*first)->Write().error().code(), ErrorCode::kFenced);
  EXPECT_TRUE((*first)->GetStatus().fenced);
  EXPECT_EQ((*first)->GetStatus().fenced_by, "second");
  EXPECT_EQ((*first)->Close().error().code(), ErrorCode::kFenced);
  EXPECT_EQ(GetFile(**first, "a").value_or(""), "1");
  // What it could not store is still there, to be saved.
  EXPECT_EQ((*first)->UncommittedInodes(),
            (std::set<InodeNumber>{kRootInode,
                                   (*first)->Read()->Lookup(kRootInode, "c")}));
  EXPECT_EQ(GetFile(**first, "c").value_or(""), "3");
  EXPECT_TRUE((*second)->UncommittedInodes().empty());

  ASSERT_TRUE((*second)->Close());
  const auto third = OpenOn(account, OnHost("third"));
  ASSERT_TRUE(third) << third.error();
  EXPECT_TRUE(GetFiles(**third).value_or(Files()) ==
              (Files{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ((*third)->GetStatus().epoch, 3u);
}

TEST(FencingTest, ARebootedHostTakesOverByItself) {
  const auto account = FormattedAccount();
  {
    ASSERT_TRUE(OpenOn(account, OnHost("host")));
  }
  VolumeOptions options = OnHost("host");
  options.boot_id = "another boot";
  EXPECT_TRUE(OpenOn(account, options));
}

TEST(FencingTest, AnOpenerWhoLosesTheRaceIsTold) {
  const auto account = FormattedAccount();
  // Another writer opens the volume between our recovery and our open record.
  bool done = false;
  const auto volume =
      OpenOn(account, OnHost("slow"),
             [&](const StoreCall& call) -> std::optional<Fault> {
               if (call.IsWrite() && !done) {
                 done = true;
                 EXPECT_TRUE(OpenOn(account, OnHost("quick")));
               }
               return std::nullopt;
             });
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kBusy);
}

TEST(OutageTest, SyncWaitsUntilTheNetworkIsBack) {
  const auto account = FormattedAccount();
  std::atomic<bool> down = false;
  std::atomic<int> refused = 0;
  const auto volume = OpenOn(account, TestOptions(),
                             [&](const StoreCall&) -> std::optional<Fault> {
                               if (!down) return std::nullopt;
                               ++refused;
                               return Fault();
                             });
  ASSERT_TRUE(volume) << volume.error();
  down = true;
  ASSERT_TRUE(PutFile(**volume, "file", Noise(5 << 20, 1)));
  std::atomic<bool> synced = false;
  std::jthread syncer([&] {
    EXPECT_TRUE((*volume)->Sync());
    synced = true;
  });
  while (refused < 5) std::this_thread::yield();
  EXPECT_FALSE(synced);
  EXPECT_NE((*volume)->GetStatus().last_error, "");
  EXPECT_TRUE(PutFile(**volume, "other", "written meanwhile"));
  down = false;
  syncer.join();
  EXPECT_EQ((*volume)->GetStatus().last_error, "");
  ASSERT_TRUE((*volume)->Sync());
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(GetFiles(**again).value_or(Files()).size(), 2u);
}

TEST(OutageTest, WithoutWaitingSyncFailsAndNothingIsLost) {
  const auto account = FormattedAccount();
  std::atomic<bool> down = false;
  VolumeOptions options = TestOptions();
  options.wait_for_network = false;
  const auto volume =
      OpenOn(account, options, [&](const StoreCall&) -> std::optional<Fault> {
        if (!down) return std::nullopt;
        return Fault();
      });
  ASSERT_TRUE(volume) << volume.error();
  down = true;
  ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
  EXPECT_EQ((*volume)->Sync().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ((*volume)->Sync().error().code(), ErrorCode::kUnavailable);
  down = false;
  EXPECT_TRUE((*volume)->Sync());
}

TEST(OutageTest, AFullStoreKeepsEverythingInMemory) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.commit_bytes = 1 << 20;
  options.max_unstored_bytes = 1 << 20;
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  {
    const std::lock_guard lock(account->mutex);
    account->quota = 500'000;
  }
  ASSERT_TRUE(PutFile(**volume, "file", Noise(2 << 20, 1)));
  const Status full = (*volume)->Sync();
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kOutOfSpace);
  // At the bound writers are told instead of waiting for ever.
  EXPECT_EQ(PutFile(**volume, "more", "x").error().code(),
            ErrorCode::kOutOfSpace);
  EXPECT_TRUE(GetFile(**volume, "file") == Noise(2 << 20, 1));
  {
    const std::lock_guard lock(account->mutex);
    account->quota.reset();
  }
  EXPECT_TRUE((*volume)->Sync());
  ASSERT_TRUE(PutFile(**volume, "more", "x"));
  ASSERT_TRUE((*volume)->Close());
}

// An account with a checkpoint, records after it and a segment.
std::shared_ptr<FakeAccount> FilledAccount() {
  auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  EXPECT_TRUE(PutFile(**volume, "small", Noise(50'000, 1)));
  EXPECT_TRUE((*volume)->Sync());
  EXPECT_TRUE(PutFile(**volume, "large", Noise(6 << 20, 2)));
  EXPECT_TRUE((*volume)->Sync());
  return account;
}

TEST(DamageTest, DamagedRecordIsNamed) {
  const auto account = FilledAccount();
  const std::vector<ObjectId> records = account->Ids(ObjectKind::kLogRecord);
  ASSERT_EQ(records.size(), 3u);
  for (const ObjectId& id : records) {
    const auto damaged = std::make_shared<FakeAccount>(*account);
    std::string& bytes = damaged->objects[id].bytes;
    bytes[bytes.size() / 2] ^= 1;
    const auto volume = OpenOn(damaged);
    ASSERT_FALSE(volume);
    EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
    EXPECT_NE(volume.error().message().find(id), std::string::npos)
        << volume.error();
  }
}

TEST(DamageTest, LogThatIsShorterThanKnownIsNotRolledBack) {
  const auto account = FilledAccount();
  {
    ASSERT_TRUE((*OpenOn(account))->Close());
  }
  // The superblock knows of five records; an older checkpoint comes back, as
  // when somebody restores an old file, and the last record is gone.
  const std::vector<ObjectId> records = account->Ids(ObjectKind::kLogRecord);
  ASSERT_EQ(records.size(), 5u);
  const auto old = FilledAccount();
  std::string superblock = *account->superblock;
  const std::string from = superblock.substr(superblock.find("\"log\""));
  superblock = *old->superblock;
  superblock = superblock.substr(0, superblock.find("\"log\"")) + from;
  old->superblock = superblock;
  const auto volume = OpenOn(old);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(volume.error().message().find("log record 4"), std::string::npos)
      << volume.error();
}

TEST(DamageTest, DamagedOrMissingCheckpointIsNamed) {
  const auto account = FilledAccount();
  const ObjectId id = account->Ids(ObjectKind::kCheckpoint).front();
  account->objects[id].bytes[40] ^= 1;
  for (const bool missing : {false, true}) {
    if (missing) account->objects.erase(id);
    const auto volume = OpenOn(account);
    ASSERT_FALSE(volume);
    EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
    EXPECT_NE(volume.error().message().find(id), std::string::npos);
  }
}

TEST(DamageTest, DamagedSegmentIsNeverServed) {
  const auto account = FilledAccount();
  const ObjectId id = account->Ids(ObjectKind::kSegment).front();
  account->objects[id].bytes[1'000'000] ^= 1;
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFile(**volume, "small") == Noise(50'000, 1));
  const auto large = GetFile(**volume, "large");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(large.error().message().find(id), std::string::npos);
}

TEST(DamageTest, DamageOnTheWayIsFetchedAgain) {
  const auto account = FilledAccount();
  auto store = std::make_unique<FaultyObjectStore>(
      std::make_unique<FakeObjectStore>(account), nullptr);
  FaultyObjectStore& faulty = *store;
  const auto volume = Volume::Open(std::move(store), TestOptions());
  ASSERT_TRUE(volume) << volume.error();
  std::atomic<int> damaged = 0;
  faulty.set_damage([&](const ObjectId&, uint64_t, std::string& bytes) {
    if (damaged++ == 0 && !bytes.empty()) bytes[bytes.size() / 2] ^= 1;
  });
  EXPECT_TRUE(GetFile(**volume, "large") == Noise(6 << 20, 2));
  EXPECT_GT(damaged, 1);
}

TEST(DamageTest, NewerVolumeIsRefused) {
  const auto account = FilledAccount();
  std::string& text = *account->superblock;
  const std::string version = "\"version\": " + std::to_string(kFormatVersion);
  ASSERT_NE(text.find(version), std::string::npos) << text;
  text.replace(text.find(version), version.size(), "\"version\": 9");
  const auto volume = OpenOn(account);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(volume.error().message().find("version 9"), std::string::npos);
}

}  // namespace
}  // namespace driveroot
