// SPDX-License-Identifier: Apache-2.0
//
// The past of a volume: it can be opened, listed, and gone back to.
#include "driveroot/volume/history.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

VolumeOptions At(const HistoryPoint& point) {
  VolumeOptions options = TestOptions();
  options.at = point;
  return options;
}

// A volume, and its files after each of its records.
struct Past {
  std::shared_ptr<FakeAccount> account = FormattedAccount();
  std::vector<Files> states = {Files()};  // by record

  // Closes the volume after every fifth state, so that there are checkpoints.
  void Write(int count) {
    std::unique_ptr<Volume> volume;
    for (int i = 0; i < count; ++i) {
      if (volume == nullptr) {
        volume = OpenOn(account).value();
        states.push_back(states.back());  // the open record
      }
      Files files = states.back();
      const std::string name = "f" + std::to_string(i % 4);
      if (i % 7 == 6 && files.contains(name)) {
        files.erase(name);
        ASSERT_TRUE(RemoveFile(*volume, name));
      } else {
        files[name] = Noise(i % 3 == 0 ? 5 << 20 : 3000 + i, i);
        ASSERT_TRUE(PutFile(*volume, name, files[name]));
      }
      ASSERT_TRUE(volume->Sync());
      states.push_back(files);
      if (i % 5 != 4) continue;
      ASSERT_TRUE(volume->Close());
      states.push_back(files);  // the closing record
      volume = nullptr;
    }
  }
};

TEST(HistoryTest, EveryRecordCanBeOpened) {
  Past past;
  past.Write(17);
  for (uint64_t record = 0; record < past.states.size(); ++record) {
    const auto volume = OpenOn(past.account, At(AtRecord{record}));
    ASSERT_TRUE(volume) << record << ": " << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == past.states[record])
        << record;
    EXPECT_EQ((*volume)->GetStatus().last_durable_record, record);
    EXPECT_EQ((*volume)->Write().error().code(), ErrorCode::kReadOnly);
  }
  const auto none = OpenOn(past.account, At(AtRecord{past.states.size()}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
}

TEST(HistoryTest, TimesStandForTheLastRecordBefore) {
  Past past;
  past.Write(12);
  FakeObjectStore store(past.account);
  const auto history = ReadHistory(store, /*all=*/true, 0);
  ASSERT_TRUE(history) << history.error();
  ASSERT_EQ(history->records.size() + 1, past.states.size());
  for (const HistoryRecord& record : history->records) {
    const auto volume =
        OpenOn(past.account, At(AtTime{record.header.sealed_at}));
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) ==
                past.states[record.header.sequence]);
  }
  const auto early = OpenOn(past.account, At(AtTime{1}));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code(), ErrorCode::kNotFound);
}

TEST(HistoryTest, ListsRecordsAndCheckpoints) {
  Past past;
  past.Write(12);
  FakeObjectStore store(past.account);
  const auto all = ReadHistory(store, /*all=*/true, 0);
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(all->newest_record, past.states.size() - 1);
  EXPECT_EQ(all->records.front().header.sequence, 1u);
  // One of each Close, and the one that the volume was made with.
  std::vector<uint64_t> checkpoints;
  for (const KeptCheckpoint& checkpoint : all->checkpoints) {
    checkpoints.push_back(checkpoint.sequence);
    EXPECT_EQ(past.account->objects[checkpoint.id].bytes.size(),
              checkpoint.size);
  }
  EXPECT_EQ(checkpoints, (std::vector<uint64_t>{0, 7, 14}));
  EXPECT_GT(all->past_bytes, 10u << 20);
  const auto some = ReadHistory(store, /*all=*/false, 2);
  ASSERT_TRUE(some) << some.error();
  EXPECT_EQ(some->records.front().header.sequence, 15u);
}

TEST(HistoryTest, RollBackCanBeUndone) {
  Past past;
  past.Write(16);
  std::vector<Files>& states = past.states;
  for (const uint64_t record : {3u, 0u, 9u, 15u, 1u}) {
    const Files before = states.back();
    const uint64_t newest = states.size() - 1;
    for (const uint64_t target : {record, newest}) {
      const auto volume = OpenOn(past.account);
      ASSERT_TRUE(volume) << volume.error();
      const auto done = (*volume)->RollBack(AtRecord{target});
      ASSERT_TRUE(done) << done.error();
      EXPECT_EQ(*done, target);
      ASSERT_TRUE((*volume)->Sync());
      EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == states[target]);
      // It is there for the next one, too, and stays as files are written.
      ASSERT_TRUE(PutFile(**volume, "after", "x"));
      ASSERT_TRUE(RemoveFile(**volume, "after"));
      ASSERT_TRUE((*volume)->Close());
      states.resize(states.size() + 3, states[target]);
      const auto again = OpenOn(past.account, At(AtRecord{states.size() - 1}));
      ASSERT_TRUE(again) << again.error();
      EXPECT_TRUE(GetFiles(**again).value_or(Files()) == states[target]);
    }
    EXPECT_TRUE(states.back() == before);
  }
}

TEST(HistoryTest, RollBackCoversAttributesAndNames) {
  const auto account = FormattedAccount();
  InodeNumber file = kNoInode;
  const auto describe = [&](Volume& volume) {
    const auto lock = volume.Read();
    std::string text;
    for (const InodeNumber number : lock->AllInodes()) {
      const Inode& inode = *lock->Find(number);
      text += std::to_string(number) + " " +
              std::to_string(inode.attributes.mode) + " " +
              std::to_string(inode.attributes.nlink);
      if (inode.xattrs != nullptr) {
        for (const auto& [name, value] : *inode.xattrs) {
          text.append(" ").append(name).append("=").append(value);
        }
      }
      if (inode.IsDirectory()) {
        for (const Directory::Entry* entry = inode.directory().After(0);
             entry != nullptr; entry = inode.directory().After(entry->cookie)) {
          text += " " + entry->name + ":" + std::to_string(entry->inode);
        }
      }
      text += "\n";
    }
    return text;
  };
  std::string before;
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    {
      auto lock = (*volume)->Write();
      const InodeNumber directory = (*lock)->CreateInode(
          {.mode = S_IFDIR | 0755, .nlink = 2}, kRootInode);
      (*lock)->PutDentry(kRootInode, "d", directory);
      Attributes root = (*lock)->Find(kRootInode)->attributes;
      root.nlink = 3;
      (*lock)->SetAttributes(kRootInode, root);
      file = (*lock)->CreateInode({.mode = S_IFREG | 0600, .nlink = 1});
      (*lock)->PutDentry(directory, "file", file);
      (*lock)->SetXattr(file, "user.a", "1");
      const InodeNumber link = (*lock)->CreateInode(
          {.mode = S_IFLNK | 0777, .nlink = 1, .size = 4}, kNoInode, "file");
      (*lock)->PutDentry(directory, "link", link);
    }
    ASSERT_TRUE((*volume)->Sync());  // record 2
    before = describe(**volume);
    {
      auto lock = (*volume)->Write();
      const InodeNumber directory = (*lock)->Lookup(kRootInode, "d");
      (*lock)->RemoveInode((*lock)->Lookup(directory, "link"));
      (*lock)->RemoveDentry(directory, "link");
      (*lock)->RemoveDentry(directory, "file");
      (*lock)->PutDentry(kRootInode, "moved", file);
      (*lock)->RemoveDentry(kRootInode, "d");
      (*lock)->RemoveInode(directory);
      (*lock)->RemoveXattr(file, "user.a");
      (*lock)->SetXattr(file, "user.b", "2");
      (*lock)->SetXattr(kRootInode, "user.root", "3");
      const InodeNumber other = (*lock)->CreateInode(
          {.mode = S_IFDIR | 0700, .nlink = 2}, kRootInode);
      (*lock)->PutDentry(kRootInode, "other", other);
      const InodeNumber inner =
          (*lock)->CreateInode({.mode = S_IFIFO | 0600, .nlink = 1});
      (*lock)->PutDentry(other, "fifo", inner);
    }
    ASSERT_TRUE((*volume)->Sync());  // record 3
    EXPECT_NE(describe(**volume), before);
    ASSERT_TRUE((*volume)->Close());
  }
  {
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE((*volume)->RollBack(AtRecord{2}));
    EXPECT_EQ(describe(**volume), before);
    ASSERT_TRUE((*volume)->Sync());
  }
  const auto volume = OpenOn(account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ(describe(**volume), before);
}

TEST(HistoryTest, AnyCheckpointWillDo) {
  Past past;
  past.Write(16);
  // All but the first are damaged, one after the other, the newest first.
  std::vector<ObjectId> ids = past.account->Ids(ObjectKind::kCheckpoint);
  ASSERT_EQ(ids.size(), 4u);
  for (size_t left = ids.size(); left-- > 1;) {
    if (left % 2 == 0) {
      past.account->objects.erase(ids[left]);
    } else {
      past.account->objects[ids[left]].bytes[50] ^= 1;
    }
    VolumeOptions options = TestOptions();
    options.read_only = true;
    const auto volume = OpenOn(past.account, options);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == past.states.back());
  }
  // A log that ends too early is not taken for the whole.
  const auto account = std::make_shared<FakeAccount>(*past.account);
  const auto superblock = account->superblock;
  account->superblock = "nonsense";
  EXPECT_TRUE(OpenOn(account));
  const std::vector<ObjectId> records = account->Ids(ObjectKind::kLogRecord);
  account->objects.erase(records[2]);
  account->superblock = superblock;
  const auto volume = OpenOn(account);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
}

TEST(HistoryTest, ALateSuperblockDoesNotLeadBack) {
  // The first writer's checkpoint is on its way when another takes over and
  // closes the volume; its superblock must not replace the other one's.
  const auto account = FormattedAccount();
  VolumeOptions stealing = TestOptions();
  stealing.steal = true;
  int writes = 0;
  const auto first =
      OpenOn(account, TestOptions(),
             [&](const StoreCall& call) -> std::optional<Fault> {
               if (call.method == StoreCall::Method::kCreate &&
                   call.kind == ObjectKind::kCheckpoint && writes++ == 0) {
                 const auto second = OpenOn(account, stealing);
                 EXPECT_TRUE(second) << second.error();
                 EXPECT_TRUE(PutFile(**second, "second", "2"));
                 EXPECT_TRUE((*second)->Close());
               }
               return std::nullopt;
             });
  ASSERT_TRUE(first) << first.error();
  ASSERT_TRUE(PutFile(**first, "first", "1"));
  ASSERT_TRUE((*first)->Close());
  EXPECT_EQ(writes, 1);
  const auto third = OpenOn(account);
  ASSERT_TRUE(third) << third.error();
  EXPECT_GT((*third)->GetStatus().checkpoint_record, 3u);
  EXPECT_EQ(GetFiles(**third).value_or(Files()).size(), 2u);
}

}  // namespace
}  // namespace driveroot
