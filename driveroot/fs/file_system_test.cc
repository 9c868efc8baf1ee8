// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: what lasts, listings and room.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/fs/file_system_test_util.h"
#include "driveroot/store/fake/fake_object_store.h"

namespace driveroot {
namespace {

TEST_F(FileSystemTest, WhatWasWrittenIsThereAfterAReopen) {
  const InodeNumber file = File("f", Folder("d"));
  ASSERT_TRUE(fs_->Write(file, 3, "abc", kRoot));
  ASSERT_TRUE(fs_->Sync());
  Reopen();
  const Result<Node> folder = fs_->Lookup(kRootInode, "d");
  ASSERT_TRUE(folder);
  const Result<Node> found = fs_->Lookup(folder->number, "f");
  ASSERT_TRUE(found);
  EXPECT_EQ(Read(found->number), std::string("\0\0\0abc", 6));
}

TEST_F(FileSystemTest, ListsInOrderFromAnyPosition) {
  for (const char* name : {"a", "b", "c", "d"}) File(name);
  std::vector<std::string> names;
  uint64_t position = 0;
  // One entry at a time, and one goes meanwhile.
  for (int i = 0; i < 10; ++i) {
    bool taken = false;
    ASSERT_TRUE(fs_->ReadDirectory(kRootInode, position, true,
                                   [&](const DirectoryEntry& entry) {
                                     if (taken) return false;
                                     taken = true;
                                     names.emplace_back(entry.name);
                                     position = entry.next_position;
                                     return true;
                                   }));
    if (names.back() == "b") {
      EXPECT_TRUE(fs_->Unlink(kRootInode, "c"));
      File("e");
    }
    if (!taken) break;
  }
  EXPECT_EQ(names, (std::vector<std::string>{".", "..", "a", "b", "d", "e"}));
}

TEST_F(FileSystemTest, DirectoriesMayBeVeryLarge) {
  constexpr int kEntries = 500'000;
  const InodeNumber folder = Folder("d");
  for (int i = 0; i < kEntries; ++i) File(std::to_string(i), folder);
  EXPECT_TRUE(fs_->Lookup(folder, "499999"));
  EXPECT_EQ(CodeOf(fs_->Lookup(folder, "500000")), ErrorCode::kNotFound);
  // In portions, as the kernel asks, and each is removed at once, as rm does.
  constexpr int kPortion = 1000;
  uint64_t position = 0;
  int seen = 0;
  std::vector<std::string> names;
  do {
    names.clear();
    ASSERT_TRUE(fs_->ReadDirectory(folder, position, false,
                                   [&](const DirectoryEntry& entry) {
                                     if (names.size() == kPortion) return false;
                                     position = entry.next_position;
                                     if (entry.name[0] != '.')
                                       names.emplace_back(entry.name);
                                     return true;
                                   }));
    for (const std::string& name : names) {
      ASSERT_TRUE(fs_->Unlink(folder, name));
      ++seen;
    }
  } while (!names.empty());
  EXPECT_EQ(seen, kEntries);
  EXPECT_TRUE(fs_->RemoveDirectory(kRootInode, "d"));
}

// The store counts how often it is asked for its space.
TEST_F(FileSystemTest, SpaceIsNotAskedForWhileAMachineBoots) {
  std::atomic<int> questions = 0;
  VolumeOptions options;
  options.read_only = true;
  Result<std::unique_ptr<Volume>> volume = Volume::Open(
      std::make_unique<FaultyObjectStore>(
          std::make_unique<FakeObjectStore>(account_),
          [&questions](const StoreCall& call) -> std::optional<Fault> {
            if (call.method == StoreCall::Method::kSpace) ++questions;
            return std::nullopt;
          }),
      options);
  ASSERT_TRUE(volume) << volume.error();
  (*volume)->StartBootTrace();
  {
    FileSystem fs(volume->get());
    EXPECT_GT(fs.Space().free_bytes, 0u);
  }
  EXPECT_EQ(questions, 0);
  ASSERT_TRUE((*volume)->KeepBootTrace());
  {
    FileSystem fs(volume->get());
    EXPECT_GT(fs.Space().free_bytes, 0u);
  }
  EXPECT_EQ(questions, 1);
}

}  // namespace
}  // namespace driveroot
