// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/volume.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

ErrorCode CodeOf(const Status& status) {
  return status ? ErrorCode::kInternal : status.error().code();
}

TEST(VolumeTest, FormatMakesAnEmptyRoot) {
  const auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  const Volume::ReadLock lock = (*volume)->Read();
  EXPECT_EQ(lock->inode_count(), 1u);
  const Inode* root = lock->Find(kRootInode);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->attributes.mode, static_cast<uint32_t>(S_IFDIR | 0755));
  EXPECT_TRUE(root->directory().empty());
}

TEST(VolumeTest, FormatRefusesAVolume) {
  const auto account = FormattedAccount();
  const std::string before = *account->superblock;
  FakeObjectStore store(account);
  EXPECT_EQ(CodeOf(Volume::Format(store, {})), ErrorCode::kAlreadyExists);
  EXPECT_EQ(*account->superblock, before);
}

TEST(VolumeTest, OpenOfNothingSaysNotFound) {
  const auto volume = OpenOn(std::make_shared<FakeAccount>());
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kNotFound);
}

TEST(VolumeTest, SyncedFilesAreThereAfterACrash) {
  const auto account = FormattedAccount();
  const Files files = {{"empty", ""},
                       {"small", "hello"},
                       {"large", Noise(9 << 20, 1)},
                       {"zeros", std::string(3 << 20, '\0')}};
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    for (const auto& [name, bytes] : files) {
      ASSERT_TRUE(PutFile(**volume, name, bytes));
    }
    const Status synced = (*volume)->Sync();
    ASSERT_TRUE(synced) << synced.error();
    ASSERT_TRUE(PutFile(**volume, "unsynced", "x"));
    EXPECT_EQ((*volume)->GetStatus().segments_written, 1u);
  }
  for (const bool read_only : {true, false, false}) {
    VolumeOptions options = TestOptions();
    options.read_only = read_only;
    const auto volume = OpenOn(account, options);
    ASSERT_TRUE(volume) << volume.error();
    const auto found = GetFiles(**volume);
    ASSERT_TRUE(found) << found.error();
    EXPECT_TRUE(*found == files);
  }
}

TEST(VolumeTest, ClosedVolumeOpensFromItsCheckpoint) {
  const auto account = FormattedAccount();
  for (int i = 0; i < 3; ++i) {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(PutFile(**volume, "f" + std::to_string(i), Noise(1000, i)));
    const Status closed = (*volume)->Close();
    ASSERT_TRUE(closed) << closed.error();
    const VolumeStatus status = (*volume)->GetStatus();
    EXPECT_EQ(status.checkpoint_record, status.last_durable_record);
    EXPECT_EQ(status.epoch, static_cast<uint64_t>(i + 1));
    EXPECT_EQ((*volume)->Write().error().code(), ErrorCode::kReadOnly);
    EXPECT_EQ(GetFile(**volume, "f0").value_or(""), Noise(1000, 0));
  }
  // The records are of no use to who has the checkpoint.
  for (const ObjectId& id : account->Ids(ObjectKind::kLogRecord)) {
    if (account->objects[id].bytes.size() < 1000) account->objects.erase(id);
  }
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(GetFile(**volume, "f" + std::to_string(i)).value_or(""),
              Noise(1000, i));
  }
}

TEST(VolumeTest, ManyRecordsBringACheckpoint) {
  const auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  Files files;
  for (int i = 0; i < 150; ++i) {
    const std::string name = "f" + std::to_string(i % 20);
    files[name] = Noise(100 + i, i);
    ASSERT_TRUE(PutFile(**volume, name, files[name]));
    ASSERT_TRUE((*volume)->Sync());
  }
  EXPECT_GT((*volume)->GetStatus().checkpoints_written, 0u);
  VolumeOptions options = TestOptions();
  options.read_only = true;
  const auto again = OpenOn(account, options);
  ASSERT_TRUE(again) << again.error();
  EXPECT_GT((*again)->GetStatus().checkpoint_record, 0u);
  EXPECT_TRUE(GetFiles(**again).value_or(Files()) == files);
}

TEST(VolumeTest, IntervalCommitsWithoutSync) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.commit_interval = std::chrono::milliseconds(1);
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
  while ((*volume)->GetStatus().records_written < 2) std::this_thread::yield();
  EXPECT_EQ((*volume)->GetStatus().unstored_bytes, 0u);
}

TEST(VolumeTest, SyncWithoutChangesWritesNothing) {
  const auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*volume)->Sync());
  EXPECT_EQ((*volume)->GetStatus().records_written, 2u);
}

TEST(VolumeTest, ReadOnlyVolumeWritesNothing) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.read_only = true;
  const auto volume = OpenOn(account, options,
                             [](const StoreCall& call) -> std::optional<Fault> {
                               EXPECT_FALSE(call.IsWrite());
                               return std::nullopt;
                             });
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ((*volume)->Write().error().code(), ErrorCode::kReadOnly);
  EXPECT_TRUE((*volume)->Sync());
  EXPECT_TRUE((*volume)->Close());
}

TEST(VolumeTest, SameBytesAreStoredOnce) {
  const auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  const std::string bytes = Noise(8 << 20, 7);
  ASSERT_TRUE(PutFile(**volume, "a", bytes));
  ASSERT_TRUE((*volume)->Sync());
  const uint64_t written = (*volume)->GetStatus().bytes_written;
  ASSERT_TRUE(PutFile(**volume, "b", bytes));
  ASSERT_TRUE(PutFile(**volume, "c", bytes));
  ASSERT_TRUE((*volume)->Sync());
  EXPECT_LT((*volume)->GetStatus().bytes_written - written, 100'000u);
  EXPECT_TRUE(GetFile(**volume, "c") == bytes);
}

TEST(VolumeTest, WritersWaitAtTheBound) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.commit_bytes = 1 << 20;
  options.max_unstored_bytes = 2 << 20;
  options.segment_bytes = 1 << 20;
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  Files files;
  uint64_t highest = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "f" + std::to_string(i);
    files[name] = Noise(300'000, i);
    ASSERT_TRUE(PutFile(**volume, name, files[name]));
    highest = std::max(highest, (*volume)->GetStatus().unstored_bytes);
  }
  EXPECT_LE(highest, (2u << 20) + 300'000);
  ASSERT_TRUE((*volume)->Close());
  EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == files);
}

// In an outage names and attributes gather, too.
TEST(VolumeTest, WritersOfMetadataWaitAtTheBound) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.commit_bytes = 1 << 20;
  options.max_unstored_bytes = 2 << 20;
  std::atomic<bool> down = false;
  const auto volume = OpenOn(
      account, options, [&](const StoreCall& call) -> std::optional<Fault> {
        if (!down || !call.IsWrite()) return std::nullopt;
        return Fault();
      });
  ASSERT_TRUE(volume) << volume.error();
  ASSERT_TRUE(PutFile(**volume, "f", ""));
  ASSERT_TRUE((*volume)->Sync());
  EXPECT_EQ((*volume)->GetStatus().unstored_bytes, 0u);

  down = true;
  constexpr int kAttributes = 100;
  constexpr size_t kBytes = 60'000;
  std::atomic<int> set = 0;
  std::jthread writer([&] {
    for (int i = 0; i < kAttributes; ++i) {
      const std::string name = "f" + std::to_string(i);
      ASSERT_TRUE(PutFile(**volume, name, ""));
      auto lock = (*volume)->Write();
      ASSERT_TRUE(lock);
      (*lock)->SetXattr((*lock)->Lookup(kRootInode, name), "user.a",
                        Noise(kBytes, i));
      ++set;
    }
  });
  while ((*volume)->GetStatus().unstored_bytes < options.max_unstored_bytes) {
    std::this_thread::yield();
  }
  EXPECT_LT(set, kAttributes);
  EXPECT_LE((*volume)->GetStatus().unstored_bytes, (2u << 20) + 2 * kBytes);

  down = false;
  writer.join();
  EXPECT_EQ(set, kAttributes);
  ASSERT_TRUE((*volume)->Sync());
  EXPECT_EQ((*volume)->GetStatus().unstored_bytes, 0u);
  const auto again = OpenOn(account);
  ASSERT_TRUE(again) << again.error();
  const Volume::ReadLock lock = (*again)->Read();
  EXPECT_EQ(*lock->FindXattr(lock->Lookup(kRootInode, "f99"), "user.a"),
            Noise(kBytes, 99));
}

TEST(VolumeTest, ManyThreadsShareCommits) {
  const auto account = FormattedAccount();
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&volume, t] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(PutFile(**volume, "f" + std::to_string(t),
                              Noise(1000 * t + i, i)));
          EXPECT_TRUE((*volume)->Sync());
          EXPECT_TRUE(GetFile(**volume, "f" + std::to_string(t)));
        }
      });
    }
    threads.clear();
    EXPECT_LE((*volume)->GetStatus().records_written, 1u + 160);
  }
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  for (int t = 0; t < 8; ++t) {
    EXPECT_EQ(GetFile(**volume, "f" + std::to_string(t)).value_or(""),
              Noise(1000 * t + 19, 19));
  }
}

TEST(VolumeTest, RecordsInFlightCountInTheirOrder) {
  const auto account = FormattedAccount();
  std::atomic<bool> armed = false;
  std::atomic<int> refused = 0;
  ObjectId first;  // of the two records; only the rule uses it
  const auto volume =
      OpenOn(account, TestOptions(),
             [&](const StoreCall& call) -> std::optional<Fault> {
               if (!armed || call.method != StoreCall::Method::kCreate ||
                   call.kind != ObjectKind::kLogRecord) {
                 return std::nullopt;
               }
               if (first.empty()) first = call.id;
               if (call.id != first) return std::nullopt;
               ++refused;
               return Fault();
             });
  ASSERT_TRUE(volume) << volume.error();
  armed = true;
  std::atomic<int> synced = 0;
  const auto sync = [&] {
    EXPECT_TRUE((*volume)->Sync());
    ++synced;
  };
  const auto records = [&] {
    return account->Ids(ObjectKind::kLogRecord).size();
  };
  ASSERT_TRUE(PutFile(**volume, "a", "1"));
  std::jthread syncs_a(sync);
  while (refused == 0) std::this_thread::yield();
  // The second record overtakes the first.
  ASSERT_TRUE(PutFile(**volume, "b", "2"));
  std::jthread syncs_b(sync);
  while (records() < 2) std::this_thread::yield();
  EXPECT_EQ(synced, 0);
  EXPECT_GT((*volume)->GetStatus().unstored_bytes, 0u);
  EXPECT_EQ(GetFile(**volume, "b").value_or(""), "2");

  // Who opens the volume now sees neither, and is not disturbed by the second.
  const auto crashed = std::make_shared<FakeAccount>(*account);
  {
    const auto other = OpenOn(crashed);
    ASSERT_TRUE(other) << other.error();
    EXPECT_TRUE(GetFiles(**other).value_or(Files{{"x", ""}}).empty());
    ASSERT_TRUE(PutFile(**other, "c", "3"));
    ASSERT_TRUE((*other)->Sync());
  }
  EXPECT_TRUE(GetFiles(**OpenOn(crashed)).value_or(Files()) ==
              (Files{{"c", "3"}}));

  armed = false;
  syncs_a.join();
  syncs_b.join();
  EXPECT_EQ(synced, 2);
  EXPECT_EQ((*volume)->GetStatus().unstored_bytes, 0u);
  EXPECT_TRUE(GetFiles(**OpenOn(account)).value_or(Files()) ==
              (Files{{"a", "1"}, {"b", "2"}}));
}

TEST(VolumeTest, SingleTransactionShowsBeforeOrAfter) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.single_transaction = true;
  options.commit_bytes = 1 << 20;
  options.max_unstored_bytes = 2 << 20;
  options.segment_bytes = 1 << 20;
  options.commit_interval = std::chrono::milliseconds(1);
  VolumeOptions reader_options = TestOptions();
  reader_options.read_only = true;
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  Files files;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "f" + std::to_string(i);
    files[name] = Noise(300'000, i);
    ASSERT_TRUE(PutFile(**volume, name, files[name]));
    if (i % 10 == 0) {
      const auto reader = OpenOn(account, reader_options);
      ASSERT_TRUE(reader) << reader.error();
      EXPECT_TRUE(GetFiles(**reader).value_or(files).empty());
    }
  }
  EXPECT_EQ((*volume)->GetStatus().records_written, 1u);
  EXPECT_GT((*volume)->GetStatus().segments_written, 5u);
  ASSERT_TRUE((*volume)->Sync());
  EXPECT_EQ((*volume)->GetStatus().records_written, 2u);
  const auto reader = OpenOn(account, reader_options);
  ASSERT_TRUE(reader) << reader.error();
  EXPECT_TRUE(GetFiles(**reader).value_or(Files()) == files);
}

TEST(VolumeTest, ALittleOfATransactionIsUploadedAheadOfTheRest) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.single_transaction = true;
  options.commit_bytes = 8 << 20;
  options.first_upload_bytes = 1 << 20;
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  const auto segments = [&] { return (*volume)->GetStatus().segments_written; };
  ASSERT_TRUE(PutFile(**volume, "first", Noise(2 << 20, 1)));
  while (segments() == 0) std::this_thread::yield();
  // Much less than commit_bytes waits, however long that takes.
  ASSERT_TRUE(PutFile(**volume, "second", Noise(2 << 20, 2)));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(segments(), 1u);
  ASSERT_TRUE((*volume)->Sync());
  EXPECT_EQ(GetFiles(**volume).value_or(Files()).size(), 2u);
}

TEST(VolumeTest, UnlinkedFilesGoAtTheNextOpen) {
  const auto account = FormattedAccount();
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(PutFile(**volume, "file", "bytes"));
    {
      // Unlinked while it is open: no name, no link, but still there.
      auto lock = (*volume)->Write();
      ASSERT_TRUE(lock);
      const InodeNumber number = (*lock)->Lookup(kRootInode, "file");
      (*lock)->RemoveDentry(kRootInode, "file");
      Attributes attributes = (*lock)->Find(number)->attributes;
      attributes.nlink = 0;
      (*lock)->SetAttributes(number, attributes);
    }
    ASSERT_TRUE((*volume)->Sync());
  }
  for (int i = 0; i < 2; ++i) {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_EQ((*volume)->GetStatus().inodes, 1u);
    EXPECT_EQ((*volume)->GetStatus().data_bytes, 0u);
  }
}

}  // namespace
}  // namespace driveroot
