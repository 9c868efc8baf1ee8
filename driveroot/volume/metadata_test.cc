// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/metadata.h"

#include <sys/stat.h>

#include <map>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

Attributes File() { return {.mode = S_IFREG | 0644, .nlink = 1}; }

Attributes Folder() { return {.mode = S_IFDIR | 0755, .nlink = 2}; }

// Gives every unstored frame a place in one object, as a commit does, and lets
// its bytes go when `release` is set.
Delta Commit(Metadata& metadata, bool release = false) {
  const ObjectNumber object = metadata.ReserveObject();
  const std::vector<UnstoredFrame> frames = metadata.TakeUnstoredFrames(true);
  Delta delta = metadata.TakeDelta();
  delta.objects.push_back({object, "id" + std::to_string(object),
                           ObjectKind::kSegment, uint64_t{1} << 40});
  metadata.AddObject(object, delta.objects.back().id, ObjectKind::kSegment,
                     uint64_t{1} << 40, false);
  uint64_t offset = 0;
  for (const UnstoredFrame& frame : frames) {
    const auto length = static_cast<uint32_t>(frame.bytes->size());
    Hash hash = {};
    hash[0] = static_cast<uint8_t>(frame.number);
    delta.frames.push_back(
        {frame.number, object, offset, length, length, hash});
    metadata.SetFrameLocation(
        {frame.number, object, offset, length, length, hash}, false);
    if (release) metadata.ReleaseFrame(frame.number);
    offset += length;
  }
  return delta;
}

std::string Read(const Metadata& metadata, InodeNumber number, uint64_t offset,
                 size_t length) {
  std::string out(length, '?');
  EXPECT_TRUE(metadata.ReadData(number, offset, out).empty());
  return out;
}

class MetadataTest : public testing::Test {
 protected:
  MetadataTest() { EXPECT_EQ(metadata_.CreateInode(Folder()), kRootInode); }

  InodeNumber MakeFile(std::string_view name) {
    const InodeNumber number = metadata_.CreateInode(File());
    metadata_.PutDentry(kRootInode, name, number);
    return number;
  }

  Metadata metadata_;
};

TEST_F(MetadataTest, WrittenBytesAreReadBackWithHolesBetween) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 4, "abcd");
  EXPECT_EQ(Read(metadata_, file, 2, 8), std::string("\0\0abcd\0\0", 8));
  metadata_.WriteData(file, 5, "XY");
  EXPECT_EQ(Read(metadata_, file, 4, 4), "aXYd");
  // In place: nothing is wasted while the frame is open.
  EXPECT_EQ(metadata_.unstored_bytes(), 4U);
}

TEST_F(MetadataTest, ShrinkingLetsDataGoForGood) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, "secret");
  Attributes attributes = File();
  attributes.size = 6;
  metadata_.SetAttributes(file, attributes);
  attributes.size = 2;
  metadata_.SetAttributes(file, attributes);
  attributes.size = 6;
  metadata_.SetAttributes(file, attributes);
  EXPECT_EQ(Read(metadata_, file, 0, 6), std::string("se\0\0\0\0", 6));
}

TEST_F(MetadataTest, SharedBytesAreNotOverwrittenInPlace) {
  const InodeNumber one = MakeFile("one");
  const InodeNumber two = MakeFile("two");
  metadata_.WriteData(one, 0, "hello");
  metadata_.ShareData(one, 0, two, 10, 5);
  metadata_.WriteData(one, 0, "HELLO");
  EXPECT_EQ(Read(metadata_, two, 10, 5), "hello");
  EXPECT_EQ(Read(metadata_, one, 0, 5), "HELLO");
}

TEST_F(MetadataTest, DeadFramesTakeNoMemory) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, std::string(300'000, 'x'));
  EXPECT_EQ(metadata_.unstored_bytes(), 300'000U);
  metadata_.PunchHole(file, 0, UINT64_MAX);
  EXPECT_EQ(metadata_.unstored_bytes(), 0U);
  EXPECT_TRUE(metadata_.TakeUnstoredFrames(true).empty());
}

TEST_F(MetadataTest, UnstoredFramesAreTakenUpToALimit) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, std::string(10 * kMaxFrameBytes, 'x'));
  EXPECT_EQ(metadata_.TakeUnstoredFrames(false, 1).size(), 1U);
  EXPECT_EQ(metadata_.TakeUnstoredFrames(false, 2 * kMaxFrameBytes).size(), 2U);
  EXPECT_EQ(metadata_.TakeUnstoredFrames(false, 2 * kMaxFrameBytes + 1).size(),
            3U);
  EXPECT_EQ(metadata_.TakeUnstoredFrames(true).size(), 4U);
}

TEST_F(MetadataTest, FileMadeAndRemovedLeavesNoTrace) {
  metadata_.TakeDelta();
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, "gone");
  metadata_.RemoveDentry(kRootInode, "f");
  metadata_.RemoveInode(file);
  const Delta delta = metadata_.TakeDelta();
  EXPECT_TRUE(delta.inodes.empty());
  EXPECT_TRUE(delta.extents.empty());
  ASSERT_EQ(delta.dentries.size(), 1U);
  EXPECT_EQ(delta.dentries[0].inode, kNoInode);
}

TEST_F(MetadataTest, StoredFramesAreReturnedAsPieces) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 3, "abc");
  Commit(metadata_, /*release=*/true);
  std::string out(6, '?');
  const std::vector<StoredPiece> pieces = metadata_.ReadData(file, 0, out);
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].destination, 3U);
  EXPECT_EQ(pieces[0].length, 3U);
  EXPECT_EQ(metadata_.FramesOf(pieces[0].frame.object).size(), 1U);
  EXPECT_EQ(metadata_.FindFrameByHash(pieces[0].frame.hash, 3)->number,
            pieces[0].frame.number);
}

TEST_F(MetadataTest, OrphansGoAtRecovery) {
  const InodeNumber file = metadata_.CreateInode({.mode = S_IFREG | 0600});
  metadata_.WriteData(file, 0, "orphan");
  Metadata recovered;
  ASSERT_TRUE(recovered.Apply(Commit(metadata_)));
  EXPECT_NE(recovered.Find(file), nullptr);
  recovered.RemoveOrphans();
  EXPECT_EQ(recovered.Find(file), nullptr);
  EXPECT_EQ(recovered.data_bytes(), 0U);
  EXPECT_TRUE(recovered.has_changes());
}

TEST_F(MetadataTest, NamesThatLeadNowhereAreFound) {
  const InodeNumber file = MakeFile("f");
  Metadata recovered;
  ASSERT_TRUE(recovered.Apply(Commit(metadata_)));
  EXPECT_TRUE(recovered.CheckNames());
  // A delta that takes the inode from under its name.
  Delta delta = metadata_.TakeDelta();
  delta.inodes = {{.number = file,
                   .attributes = std::nullopt,
                   .parent = kNoInode,
                   .symlink_target = "",
                   .xattrs = std::nullopt}};
  ASSERT_TRUE(recovered.Apply(delta));
  const Status names = recovered.CheckNames();
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code(), ErrorCode::kDataLoss);
}

TEST_F(MetadataTest, WhatHasNamesMustNotCountAsUnlinked) {
  const InodeNumber folder = metadata_.CreateInode(Folder(), kRootInode);
  metadata_.PutDentry(kRootInode, "folder", folder);
  const InodeNumber file = metadata_.CreateInode(File());
  metadata_.PutDentry(folder, "f", file);
  Attributes root = Folder();
  root.nlink = 3;
  metadata_.SetAttributes(kRootInode, root);
  for (const InodeNumber unlinked : {folder, file}) {
    Attributes attributes = metadata_.Find(unlinked)->attributes;
    const uint32_t nlink = std::exchange(attributes.nlink, 0);
    metadata_.SetAttributes(unlinked, attributes);
    EXPECT_FALSE(metadata_.CheckNames());
    attributes.nlink = nlink;
    metadata_.SetAttributes(unlinked, attributes);
    EXPECT_TRUE(metadata_.CheckNames());
  }
  metadata_.RemoveDentry(kRootInode, "folder");
  Attributes attributes = metadata_.Find(folder)->attributes;
  attributes.nlink = 0;
  metadata_.SetAttributes(folder, attributes);
  EXPECT_FALSE(metadata_.CheckNames());
}

// What whoever walks or changes the tree relies on.
class TreeOfMetadata : public MetadataTest {
 protected:
  TreeOfMetadata() {
    for (InodeNumber* const folder : {&a_, &b_}) {
      *folder = metadata_.CreateInode(Folder(), kRootInode);
    }
    metadata_.PutDentry(kRootInode, "a", a_);
    metadata_.PutDentry(kRootInode, "b", b_);
    SetLinks(kRootInode, 4);
    EXPECT_TRUE(metadata_.CheckNames()) << metadata_.CheckNames().error();
  }

  void SetLinks(InodeNumber number, uint32_t nlink) {
    Attributes attributes = metadata_.Find(number)->attributes;
    attributes.nlink = nlink;
    metadata_.SetAttributes(number, attributes);
  }
  void ExpectRefused(const std::string& why) {
    const Status names = metadata_.CheckNames();
    ASSERT_FALSE(names) << why;
    EXPECT_EQ(names.error().code(), ErrorCode::kDataLoss);
    EXPECT_NE(names.error().message().find(why), std::string::npos)
        << names.error();
  }

  InodeNumber a_ = kNoInode;
  InodeNumber b_ = kNoInode;
};

TEST_F(TreeOfMetadata, HasARoot) {
  Metadata empty;
  EXPECT_FALSE(empty.CheckNames());
  metadata_.SetParent(kRootInode, a_);
  ExpectRefused("no root directory");
}

TEST_F(TreeOfMetadata, HasNoCircleOfDirectories) {
  // Each is in the other, and the root leads to none.
  metadata_.RemoveDentry(kRootInode, "a");
  metadata_.RemoveDentry(kRootInode, "b");
  metadata_.PutDentry(a_, "b", b_);
  metadata_.PutDentry(b_, "a", a_);
  metadata_.SetParent(a_, b_);
  metadata_.SetParent(b_, a_);
  SetLinks(a_, 3);
  SetLinks(b_, 3);
  ExpectRefused("a circle of directories");
}

TEST_F(TreeOfMetadata, HasNoRingOfParents) {
  metadata_.SetParent(a_, b_);
  metadata_.SetParent(b_, a_);
  ExpectRefused("wrong parent of directory");
  // Without names nothing is wrong with them but that.
  metadata_.RemoveDentry(kRootInode, "a");
  metadata_.RemoveDentry(kRootInode, "b");
  ExpectRefused("no name of directory");
}

TEST_F(TreeOfMetadata, HasOneNameForEachDirectory) {
  metadata_.PutDentry(kRootInode, "again", a_);
  SetLinks(kRootInode, 5);
  ExpectRefused("a second name of directory");
  metadata_.RemoveDentry(kRootInode, "again");
  metadata_.PutDentry(a_, "top", kRootInode);
  SetLinks(a_, 3);
  ExpectRefused("a second name of directory");
}

TEST_F(TreeOfMetadata, CountsNamesAsOftenAsThereAre) {
  const InodeNumber file = MakeFile("f");
  metadata_.PutDentry(a_, "f", file);
  ExpectRefused("too low a link count of inode");
  SetLinks(file, 2);
  EXPECT_TRUE(metadata_.CheckNames());
  // One too many only keeps it for longer.
  SetLinks(file, 3);
  EXPECT_TRUE(metadata_.CheckNames());
  SetLinks(kRootInode, 3);
  ExpectRefused("too low a link count of directory");
}

TEST_F(TreeOfMetadata, DirectoriesThatAreOpenMayOutliveTheirParents) {
  const InodeNumber inner = metadata_.CreateInode(Folder(), a_);
  SetLinks(inner, 0);
  metadata_.RemoveDentry(kRootInode, "a");
  metadata_.RemoveInode(a_);
  SetLinks(kRootInode, 3);
  EXPECT_TRUE(metadata_.CheckNames());
  Metadata recovered;
  ASSERT_TRUE(recovered.Apply(metadata_.FullDelta()));
  EXPECT_TRUE(recovered.CheckNames());
  recovered.RemoveOrphans();
  EXPECT_EQ(recovered.Find(inner), nullptr);
}

TEST_F(MetadataTest, AFrameThatMovesStaysTheSame) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, "abc");
  const Delta first = Commit(metadata_);
  ASSERT_EQ(first.frames.size(), 1U);
  for (const bool changed : {false, true}) {
    Metadata recovered;
    ASSERT_TRUE(recovered.Apply(first));
    Delta moved = metadata_.TakeDelta();
    moved.frames = first.frames;
    moved.frames[0].object_offset += 100;
    if (changed) moved.frames[0].hash[31] ^= 1;
    const Status applied = recovered.Apply(moved);
    EXPECT_EQ(applied.has_value(), !changed);
    if (!changed) continue;
    EXPECT_EQ(applied.error().code(), ErrorCode::kDataLoss);
  }
}

// Random changes, committed now and then: replaying the deltas and loading the
// full delta give the same state.
TEST_F(MetadataTest, DeltasRebuildTheState) {
  std::mt19937 random(11);
  Metadata replayed;
  std::map<std::string, InodeNumber> files;
  std::map<InodeNumber, std::string> contents;
  for (int step = 0; step < 5000; ++step) {
    const std::string name = "f" + std::to_string(random() % 40);
    const auto found = files.find(name);
    if (found == files.end()) {
      files[name] = MakeFile(name);
    } else if (random() % 8 == 0) {
      metadata_.RemoveDentry(kRootInode, name);
      metadata_.RemoveInode(found->second);
      contents.erase(found->second);
      files.erase(found);
    } else if (random() % 8 == 0) {
      metadata_.SetXattr(found->second, "user.a" + std::to_string(step % 3),
                         std::to_string(step));
    } else {
      const uint64_t offset = random() % 200'000;
      const std::string bytes(1 + random() % 100'000,
                              static_cast<char>('a' + random() % 26));
      std::string& content = contents[found->second];
      content.resize(std::max<size_t>(content.size(), offset + bytes.size()));
      content.replace(offset, bytes.size(), bytes);
      metadata_.WriteData(found->second, offset, bytes);
      Attributes attributes = File();
      attributes.size = content.size();
      metadata_.SetAttributes(found->second, attributes);
    }
    if (random() % 50 == 0) {
      const Delta delta = Commit(metadata_);
      ASSERT_TRUE(replayed.Apply(delta));
      ASSERT_EQ(replayed.FullDelta(), metadata_.FullDelta());
      // Once more does no harm.
      ASSERT_TRUE(replayed.Apply(delta));
      ASSERT_EQ(replayed.FullDelta(), metadata_.FullDelta());
    }
  }
  ASSERT_TRUE(replayed.Apply(Commit(metadata_)));
  EXPECT_EQ(replayed.FullDelta(), metadata_.FullDelta());
  EXPECT_EQ(replayed.data_bytes(), metadata_.data_bytes());
  Metadata loaded;
  ASSERT_TRUE(loaded.Apply(metadata_.FullDelta()));
  EXPECT_EQ(loaded.FullDelta(), metadata_.FullDelta());
  // However the state came about, it takes the same.
  EXPECT_EQ(loaded.memory_bytes(), replayed.memory_bytes());
  EXPECT_EQ(loaded.changed_bytes(), 0U);
  metadata_.ForgetReleasedFrames(/*all=*/true);
  EXPECT_EQ(metadata_.memory_bytes(), loaded.memory_bytes());
  for (const auto& [number, content] : contents) {
    ASSERT_EQ(Read(metadata_, number, 0, content.size()), content);
  }
}

TEST_F(MetadataTest, ApplyRefusesWhatCannotBe) {
  const InodeNumber file = MakeFile("f");
  metadata_.WriteData(file, 0, "data");
  const Delta good = Commit(metadata_);
  const auto refused = [&good](auto change) {
    Delta bad = good;
    change(bad);
    Metadata metadata;
    const Status status = metadata.Apply(bad);
    return !status && status.error().code() == ErrorCode::kDataLoss;
  };
  EXPECT_TRUE(Metadata().Apply(good));
  EXPECT_TRUE(refused([](Delta& d) { d.inodes[0].number = 99; }));
  EXPECT_TRUE(refused([](Delta& d) { d.inodes[0].parent = 2; }));
  EXPECT_TRUE(refused([](Delta& d) { d.inodes[1].attributes->mode = 0644; }));
  EXPECT_TRUE(refused([](Delta& d) { d.dentries[0].inode = 77; }));
  EXPECT_TRUE(refused([](Delta& d) { d.dentries[0].name = "a/b"; }));
  EXPECT_TRUE(refused([](Delta& d) { d.dentries[0].name = ".."; }));
  EXPECT_TRUE(refused([](Delta& d) { d.extents[0].extents[0].length = 5; }));
  EXPECT_TRUE(refused([](Delta& d) { d.extents[0].extents[0].frame = 5; }));
  EXPECT_TRUE(refused([](Delta& d) { d.extents[0].inode = kRootInode; }));
  EXPECT_TRUE(refused([](Delta& d) { d.frames[0].raw_length = 1 << 30; }));
  EXPECT_TRUE(refused([](Delta& d) { d.frames[0].object = 9; }));
  EXPECT_TRUE(refused([](Delta& d) { d.frames[0].object_offset = ~0ULL; }));
  EXPECT_TRUE(refused([](Delta& d) { d.next_inode = 0; }));
  // One more would be none.
  EXPECT_TRUE(refused([](Delta& d) { d.next_inode = UINT64_MAX; }));
  EXPECT_TRUE(refused([](Delta& d) { d.next_frame = UINT64_MAX; }));
  EXPECT_TRUE(refused([](Delta& d) { d.next_object = UINT64_MAX; }));
  EXPECT_TRUE(refused([](Delta& d) { d.records_from = UINT64_MAX; }));
  EXPECT_TRUE(refused(
      [](Delta& d) { d.inodes[1].attributes->size = limits::kFileBytes + 1; }));
  EXPECT_TRUE(refused([](Delta& d) {
    d.extents[0].length = limits::kFileBytes + 1;
    d.extents[0].extents[0].offset = limits::kFileBytes - 3;
  }));
}

}  // namespace
}  // namespace driveroot
