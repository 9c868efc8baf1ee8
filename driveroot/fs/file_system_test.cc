// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: what lasts, listings and room.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/base/noise.h"
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

// One entry of a folder and where a listing goes on after it; an empty name at
// the end.
struct Step {
  std::string name;
  uint64_t next = 0;
};
Step ListOne(FileSystem& fs, InodeNumber folder, uint64_t position) {
  Step step;
  EXPECT_TRUE(fs.ReadDirectory(folder, position, false, AccessNote::kNone,
                               [&](const DirectoryEntry& entry) {
                                 if (!step.name.empty()) return false;
                                 step = {.name = std::string(entry.name),
                                         .next = entry.next_position};
                                 return true;
                               }));
  return step;
}

TEST_F(FileSystemTest, ListsInOrderFromAnyPosition) {
  for (const char* name : {"a", "b", "c", "d"}) File(name);
  std::vector<std::string> names;
  // One entry at a time, and one goes and one comes meanwhile.
  for (Step step = ListOne(*fs_, kRootInode, 0); !step.name.empty();
       step = ListOne(*fs_, kRootInode, step.next)) {
    names.push_back(step.name);
    if (step.name != "b") continue;
    EXPECT_TRUE(fs_->Unlink(kRootInode, "c"));
    File("e");
  }
  // What came after the beginning is not listed: whoever makes an entry for
  // each that he sees would never be done.
  EXPECT_EQ(names, (std::vector<std::string>{".", "..", "a", "b", "d"}));
}

// `entries` of them, each renamed when it is seen: each is seen once.
void RenameWhatIsListed(FileSystem& fs, InodeNumber folder, int entries) {
  int seen = 0;
  uint64_t position = 0;
  for (Step step = ListOne(fs, folder, 0); !step.name.empty();
       step = ListOne(fs, folder, step.next)) {
    position = step.next;
    if (step.name.starts_with('.')) continue;
    ASSERT_LE(++seen, entries) << step.name;
    ASSERT_TRUE(
        fs.Rename(folder, step.name, folder, step.name + "~", 0, kRoot));
  }
  EXPECT_EQ(seen, entries);
  // The end stays the end, whatever comes, and is no beginning.
  EXPECT_EQ(ListOne(fs, folder, position).name, "");
}

TEST_F(FileSystemTest, AListingEndsWithWhatWasThereAtItsStart) {
  for (const int entries : {0, 1, 10, 2000}) {
    const InodeNumber folder = Folder(std::to_string(entries));
    for (int i = 0; i < entries; ++i) File(std::to_string(i), folder);
    // Anew it shows the new names, and all of them.
    for (int pass = 0; pass < 3; ++pass) {
      RenameWhatIsListed(*fs_, folder, entries);
    }
  }
}

TEST_F(FileSystemTest, PositionsStayUnder2To31InFoldersThatAreNotHuge) {
  const InodeNumber folder = Folder("d");
  for (int i = 0; i < 30'000; ++i) File(std::to_string(i), folder);
  uint64_t greatest = 0;
  ASSERT_TRUE(fs_->ReadDirectory(
      folder, 0, false, AccessNote::kNone, [&](const DirectoryEntry& entry) {
        greatest = std::max(greatest, entry.next_position);
        return true;
      }));
  EXPECT_LT(greatest, uint64_t{1} << 31);
}

TEST_F(FileSystemTest, AnyNumberIsAPosition) {
  const InodeNumber folder = Folder("d");
  for (const char* name : {"a", "b"}) File(name, folder);
  for (unsigned bit = 0; bit < 63; ++bit) {
    for (const uint64_t more : {0, 1, 2, 3, 99}) {
      uint64_t position = (uint64_t{1} << bit) + more;
      for (int steps = 0; steps < 5; ++steps) {
        const Step step = ListOne(*fs_, folder, position);
        if (step.name.empty()) break;
        ASSERT_LT(steps, 4) << bit << " " << more;
        position = step.next;
      }
    }
  }
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
    ASSERT_TRUE(fs_->ReadDirectory(folder, position, false, AccessNote::kNone,
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

TEST_F(FileSystemTest, NothingIsFreeOnAFullStore) {
  VolumeOptions options;
  options.retry_delay = std::chrono::milliseconds(1);
  fs_.reset();
  volume_.reset();
  Result<std::unique_ptr<Volume>> volume =
      Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
  ASSERT_TRUE(volume) << volume.error();
  FileSystem fs(volume->get());
  // Each answer of the store comes in its own time.
  const auto await_free = [&](auto&& is_right) {
    while (!is_right(fs.Space().free_bytes)) std::this_thread::yield();
  };
  {
    const std::lock_guard lock(account_->mutex);
    account_->quota = 1'000'000;
  }
  const auto some_free = [](uint64_t bytes) {
    return bytes > 0 && bytes < 1'000'000;
  };
  await_free(some_free);
  const auto file = fs.Create(kRootInode, "big", S_IFREG | 0600, 0, kRoot);
  ASSERT_TRUE(file) << file.error();
  ASSERT_TRUE(fs.Write(file->number, 0, Noise(2'000'000, 1), kRoot));
  EXPECT_EQ(CodeOf(fs.Sync()), ErrorCode::kOutOfSpace);
  EXPECT_EQ(fs.Space().free_bytes, 0u);
  ASSERT_TRUE(fs.Unlink(kRootInode, "big"));
  fs.Forget(file->number, 1);
  ASSERT_TRUE(fs.Sync());
  await_free(some_free);
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
