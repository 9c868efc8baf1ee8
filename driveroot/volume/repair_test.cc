// SPDX-License-Identifier: Apache-2.0
//
// Volumes that are broken in many ways, mended.
#include "driveroot/volume/repair.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/volume/check.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

CheckReport Check(const std::shared_ptr<FakeAccount>& account) {
  FakeObjectStore store(account);
  const Result<CheckReport> report =
      CheckVolume(store, {.verify_data = true, .progress = nullptr});
  EXPECT_TRUE(report) << report.error();
  return report.value_or(CheckReport());
}

std::vector<std::string> Repair(const std::shared_ptr<FakeAccount>& account) {
  const auto done =
      RepairVolume(std::make_unique<FakeObjectStore>(account), TestOptions());
  EXPECT_TRUE(done) << done.error();
  return done.value_or(std::vector<std::string>());
}

void ExpectInOrder(const std::shared_ptr<FakeAccount>& account) {
  const CheckReport report = Check(account);
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

// The contents of a file in lost+found; nothing when it is not there.
std::optional<std::string> Found(Volume& volume, const std::string& name) {
  std::string bytes;
  std::vector<StoredPiece> pieces;
  {
    const Volume::ReadLock lock = volume.Read();
    InodeNumber directory = lock->Lookup(kRootInode, "lost+found.1");
    if (directory == kNoInode) {
      directory = lock->Lookup(kRootInode, "lost+found");
    }
    if (directory == kNoInode) return std::nullopt;
    const InodeNumber file = lock->Lookup(directory, name);
    if (file == kNoInode) return std::nullopt;
    bytes.resize(lock->Find(file)->attributes.size);
    pieces = lock->ReadData(file, 0, bytes);
  }
  EXPECT_TRUE(volume.ReadStored(pieces, bytes));
  return bytes;
}

// Three sessions: a checkpoint after each, small files in records, large ones
// in segments.
struct Broken {
  std::shared_ptr<FakeAccount> account = FormattedAccount();
  Files files;

  Broken() {
    for (int i = 0; i < 3; ++i) {
      const auto volume = OpenOn(account).value();
      Put(*volume, "small" + std::to_string(i), Noise(3000, i));
      Put(*volume, "large" + std::to_string(i), Noise(5 << 20, 10 + i));
      EXPECT_TRUE(volume->Close());
    }
  }

  void Put(Volume& volume, const std::string& name, const std::string& bytes) {
    files[name] = bytes;
    EXPECT_TRUE(PutFile(volume, name, bytes));
    EXPECT_TRUE(volume.Sync());
  }

  void ExpectAllFiles() const {
    ExpectInOrder(account);
    const auto volume = OpenOn(account);
    ASSERT_TRUE(volume) << volume.error();
    for (const auto& [name, bytes] : files) {
      EXPECT_TRUE(GetFile(**volume, name).value_or("") == bytes) << name;
    }
  }
};

ObjectId RecordId(const FakeAccount& account, uint64_t sequence) {
  for (const auto& [id, object] : account.objects) {
    if (object.kind == ObjectKind::kLogRecord &&
        std::stoull(object.name) == sequence) {
      return id;
    }
  }
  ADD_FAILURE() << "no record " << sequence;
  return "";
}

TEST(RepairTest, NothingIsDoneToAVolumeInOrder) {
  Broken broken;
  EXPECT_TRUE(Repair(broken.account).empty());
  broken.ExpectAllFiles();
}

struct TreeCase {
  std::string name;
  std::function<void(Metadata&)> change;
};

InodeNumber MakeDirectory(Metadata& metadata, InodeNumber parent) {
  return metadata.CreateInode({.mode = S_IFDIR | 0755, .nlink = 2}, parent);
}

class TreeRepairTest : public testing::TestWithParam<TreeCase> {};

TEST_P(TreeRepairTest, EndsInOrderWithEveryFile) {
  Broken broken;
  {
    const auto volume = OpenOn(broken.account);
    ASSERT_TRUE(volume) << volume.error();
    {
      auto lock = (*volume)->Write();
      ASSERT_TRUE(lock);
      GetParam().change(**lock);
    }
    ASSERT_TRUE((*volume)->Close());
  }
  EXPECT_FALSE(Check(broken.account).problems.empty());
  EXPECT_FALSE(Repair(broken.account).empty());
  ExpectInOrder(broken.account);
  // By name, or as what had lost its name.
  const auto volume = OpenOn(broken.account);
  ASSERT_TRUE(volume) << volume.error();
  for (const auto& [name, bytes] : broken.files) {
    const auto file = GetFile(**volume, name);
    if (file) {
      EXPECT_TRUE(*file == bytes) << name;
    } else {
      EXPECT_TRUE(Found(**volume, "#2") == bytes) << name;
    }
  }
  EXPECT_TRUE(Repair(broken.account).empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, TreeRepairTest,
    testing::Values(
        TreeCase{"LinkCount",
                 [](Metadata& metadata) {
                   const InodeNumber file =
                       metadata.Lookup(kRootInode, "small1");
                   Attributes attributes = metadata.Find(file)->attributes;
                   attributes.nlink = 7;
                   metadata.SetAttributes(file, attributes);
                 }},
        TreeCase{"NoLinkCounted",
                 [](Metadata& metadata) {
                   const InodeNumber file =
                       metadata.Lookup(kRootInode, "small1");
                   Attributes attributes = metadata.Find(file)->attributes;
                   attributes.nlink = 0;
                   metadata.SetAttributes(file, attributes);
                 }},
        TreeCase{"NoName",
                 [](Metadata& metadata) {
                   EXPECT_EQ(metadata.Lookup(kRootInode, "small0"), 2u);
                   metadata.RemoveDentry(kRootInode, "small0");
                 }},
        TreeCase{"NoNameButANameInItsWay",
                 [](Metadata& metadata) {
                   metadata.RemoveDentry(kRootInode, "small0");
                   const InodeNumber file = metadata.CreateInode(
                       {.mode = S_IFREG | 0644, .nlink = 1});
                   metadata.PutDentry(kRootInode, "lost+found", file);
                 }},
        TreeCase{"SecondNameOfADirectory",
                 [](Metadata& metadata) {
                   const InodeNumber directory =
                       MakeDirectory(metadata, kRootInode);
                   metadata.PutDentry(kRootInode, "d", directory);
                   metadata.PutDentry(kRootInode, "e", directory);
                 }},
        TreeCase{"WrongParent",
                 [](Metadata& metadata) {
                   const InodeNumber a = MakeDirectory(metadata, kRootInode);
                   const InodeNumber b = MakeDirectory(metadata, a);
                   metadata.PutDentry(kRootInode, "a", a);
                   metadata.PutDentry(kRootInode, "b", b);
                 }},
        TreeCase{"LostTree",
                 [](Metadata& metadata) {
                   const InodeNumber a = MakeDirectory(metadata, kRootInode);
                   const InodeNumber b = MakeDirectory(metadata, a);
                   const InodeNumber file = metadata.CreateInode(
                       {.mode = S_IFREG | 0644, .nlink = 1});
                   metadata.PutDentry(a, "b", b);
                   metadata.PutDentry(b, "file", file);
                 }},
        TreeCase{"Circle",
                 [](Metadata& metadata) {
                   const InodeNumber a = MakeDirectory(metadata, kRootInode);
                   const InodeNumber b = MakeDirectory(metadata, a);
                   metadata.PutDentry(a, "b", b);
                   metadata.PutDentry(b, "a", a);
                   metadata.SetParent(a, b);
                 }},
        TreeCase{"DataBeyondTheEnd",
                 [](Metadata& metadata) {
                   const InodeNumber file = metadata.CreateInode(
                       {.mode = S_IFREG | 0644, .nlink = 1});
                   metadata.PutDentry(kRootInode, "longer", file);
                   metadata.WriteData(file, 0, "data");
                 }}),
    [](const auto& test) { return test.param.name; });

TEST(RepairTest, WithoutACheckpointTheLogAloneWillDo) {
  Broken broken;
  for (const ObjectId& id : broken.account->Ids(ObjectKind::kCheckpoint)) {
    broken.account->objects.erase(id);
  }
  ASSERT_FALSE(OpenOn(broken.account));
  EXPECT_FALSE(Repair(broken.account).empty());
  broken.ExpectAllFiles();
  // The log that begins anew is one like any other.
  for (int i = 0; i < 2; ++i) {
    const auto volume = OpenOn(broken.account);
    ASSERT_TRUE(volume) << volume.error();
    broken.Put(**volume, "later" + std::to_string(i), Noise(1000, 50 + i));
  }
  broken.ExpectAllFiles();
}

TEST(RepairTest, WhatADamagedLogHidesIsFoundAgain) {
  Broken broken;
  // All checkpoints but the first, and one record in the middle.
  const std::vector<ObjectId> checkpoints =
      broken.account->Ids(ObjectKind::kCheckpoint);
  for (size_t i = 1; i < checkpoints.size(); ++i) {
    broken.account->objects[checkpoints[i]].bytes[20] ^= 1;
  }
  std::string& damaged =
      broken.account->objects[RecordId(*broken.account, 6)].bytes;
  damaged[60] ^= 1;
  const std::string record = damaged;
  const std::string later =
      broken.account->objects[RecordId(*broken.account, 7)].bytes;
  ASSERT_FALSE(OpenOn(broken.account));
  EXPECT_FALSE(Repair(broken.account).empty());
  ExpectInOrder(broken.account);

  const auto volume = OpenOn(broken.account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFile(**volume, "small0") == Noise(3000, 0));
  EXPECT_TRUE(GetFile(**volume, "large0") == Noise(5 << 20, 10));
  EXPECT_FALSE(GetFile(**volume, "large2"));
  EXPECT_TRUE(Found(**volume, "record-6") == record);
  EXPECT_TRUE(Found(**volume, "record-7") == later);
  // The contents of the files whose names are lost.
  const Volume::ReadLock lock = (*volume)->Read();
  const InodeNumber directory = lock->Lookup(kRootInode, "lost+found");
  uint64_t bytes = 0;
  const Directory& found = lock->Find(directory)->directory();
  for (const auto* entry = found.After(0); entry != nullptr;
       entry = found.After(entry->cookie)) {
    if (entry->name.starts_with("segment-")) {
      bytes += lock->Find(entry->inode)->attributes.size;
    }
  }
  EXPECT_GE(bytes, 5u << 20);
}

TEST(RepairTest, ATornLogWithoutACheckpoint) {
  Broken broken;
  for (const ObjectId& id : broken.account->Ids(ObjectKind::kCheckpoint)) {
    broken.account->objects.erase(id);
  }
  // The first records were deleted long ago.
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) {
    broken.account->objects.erase(RecordId(*broken.account, sequence));
  }
  EXPECT_FALSE(Repair(broken.account).empty());
  ExpectInOrder(broken.account);
  const auto volume = OpenOn(broken.account);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFile(**volume, "small2") == Noise(3000, 2));
  EXPECT_TRUE(GetFile(**volume, "large2") == Noise(5 << 20, 12));
}

TEST(RepairTest, AVolumeInUseIsLeftAlone) {
  Broken broken;
  const auto volume = OpenOn(broken.account);
  ASSERT_TRUE(volume) << volume.error();
  VolumeOptions options = TestOptions();
  options.host_name = "elsewhere";
  const auto done =
      RepairVolume(std::make_unique<FakeObjectStore>(broken.account), options);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kBusy);
}

TEST(RepairTest, NothingAtAllIsAnError) {
  const auto done = RepairVolume(
      std::make_unique<FakeObjectStore>(std::make_shared<FakeAccount>()),
      TestOptions());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace driveroot
