// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: names, links and renames.
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/fs/file_system_test_util.h"

namespace driveroot {
namespace {

TEST_F(FileSystemTest, ErrorsOfNames) {
  const InodeNumber file = File("f");
  const InodeNumber folder = Folder("d");
  File("x", folder);
  EXPECT_EQ(CodeOf(fs_->Lookup(kRootInode, "none")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(fs_->Lookup(file, "x")), ErrorCode::kNotDirectory);
  EXPECT_EQ(CodeOf(fs_->Lookup(kRootInode, std::string(256, 'x'))),
            ErrorCode::kNameTooLong);
  EXPECT_EQ(CodeOf(fs_->Lookup(99, "x")), ErrorCode::kStale);
  EXPECT_EQ(CodeOf(fs_->MakeDirectory(kRootInode, "f", 0755, kRoot)),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(fs_->MakeDirectory(kRootInode, ".", 0755, kRoot)),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(fs_->Create(kRootInode, "q", S_IFDIR, 0, kRoot)),
            ErrorCode::kNotPermitted);
  EXPECT_EQ(CodeOf(fs_->MakeSymlink(kRootInode, "q", "", kRoot)),
            ErrorCode::kNotFound);
  EXPECT_EQ(
      CodeOf(fs_->MakeSymlink(kRootInode, "q", std::string(4096, 'x'), kRoot)),
      ErrorCode::kNameTooLong);
  EXPECT_EQ(CodeOf(fs_->Link(folder, kRootInode, "q")),
            ErrorCode::kNotPermitted);
  EXPECT_EQ(CodeOf(fs_->Link(file, kRootInode, "d")),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(fs_->Unlink(kRootInode, "d")), ErrorCode::kIsDirectory);
  EXPECT_EQ(CodeOf(fs_->RemoveDirectory(kRootInode, "f")),
            ErrorCode::kNotDirectory);
  EXPECT_EQ(CodeOf(fs_->RemoveDirectory(kRootInode, "d")),
            ErrorCode::kNotEmpty);
  EXPECT_EQ(CodeOf(fs_->ReadLink(file)), ErrorCode::kInvalidArgument);
}

// What the kernel found by a handle it looks for under the names "." and,
// later,
// "/", in whatever it is.
TEST_F(FileSystemTest, AnInodeIsFoundByItsNumber) {
  const InodeNumber folder = Folder("d");
  const InodeNumber numbers[] = {
      kRootInode, folder, File("f", folder),
      fs_->MakeSymlink(folder, "s", "f", kRoot)->number,
      fs_->Create(folder, "p", S_IFIFO | 0644, 0, kRoot)->number};
  for (const InodeNumber number : numbers) {
    for (const char* name : {".", "/"}) {
      const Result<Node> node = fs_->Lookup(number, name);
      ASSERT_TRUE(node) << number << name << ": " << node.error();
      EXPECT_EQ(node->number, number);
    }
  }
  EXPECT_EQ(CodeOf(fs_->Lookup(99, "/")), ErrorCode::kStale);
}

TEST_F(FileSystemTest, HiddenNamesAreNeitherFoundNorListedAndStay) {
  File(".dockerenv");
  File("other");
  const InodeNumber folder = Folder("d");
  File(".dockerenv", folder);
  fs_->HideInRoot({".dockerenv"});
  EXPECT_EQ(CodeOf(fs_->Lookup(kRootInode, ".dockerenv")),
            ErrorCode::kNotFound);
  EXPECT_TRUE(fs_->Lookup(folder, ".dockerenv"));
  std::vector<std::string> listed;
  ASSERT_TRUE(fs_->ReadDirectory(kRootInode, 0, /*with_attributes=*/true,
                                 AccessNote::kRelative,
                                 [&](const DirectoryEntry& entry) {
                                   listed.emplace_back(entry.name);
                                   return true;
                                 }));
  EXPECT_EQ(listed, (std::vector<std::string>{".", "..", "other", "d"}));
  fs_->HideInRoot({});
  EXPECT_TRUE(fs_->Lookup(kRootInode, ".dockerenv"));
}

TEST_F(FileSystemTest, CountsLinks) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Link(file, kRootInode, "g"));
  EXPECT_EQ(Get(file).nlink, 2u);
  ASSERT_TRUE(fs_->Unlink(kRootInode, "f"));
  EXPECT_EQ(Get(file).nlink, 1u);
  const uint32_t before = Get(kRootInode).nlink;
  const InodeNumber folder = Folder("d");
  EXPECT_EQ(Get(folder).nlink, 2u);
  EXPECT_EQ(Get(kRootInode).nlink, before + 1);
  ASSERT_TRUE(fs_->RemoveDirectory(kRootInode, "d"));
  EXPECT_EQ(Get(kRootInode).nlink, before);
}

TEST_F(FileSystemTest, AnInodeOutlivesItsNamesWhileItIsReferredTo) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, "abc", kRoot));
  ASSERT_TRUE(fs_->Lookup(kRootInode, "f"));
  ASSERT_TRUE(fs_->Unlink(kRootInode, "f"));
  EXPECT_EQ(Read(file), "abc");
  EXPECT_EQ(Get(file).nlink, 0u);
  // Who has a handle only does not find it any more.
  EXPECT_EQ(CodeOf(fs_->Lookup(file, ".")), ErrorCode::kStale);
  EXPECT_EQ(CodeOf(fs_->Lookup(file, "/")), ErrorCode::kStale);
  fs_->Forget(file, 1);
  EXPECT_EQ(Read(file), "abc");
  fs_->Forget(file, 1);
  EXPECT_EQ(CodeOf(fs_->GetAttributes(file)), ErrorCode::kStale);
}

TEST_F(FileSystemTest, AnUnnamedFileGoesUnlessItGetsAName) {
  const Result<Node> lost = fs_->CreateUnnamed(kRootInode, 0600, kRoot);
  const Result<Node> named = fs_->CreateUnnamed(kRootInode, 0600, kRoot);
  ASSERT_TRUE(lost && named);
  EXPECT_EQ(named->attributes.nlink, 0u);
  ASSERT_TRUE(fs_->Link(named->number, kRootInode, "n"));
  fs_->Forget(lost->number, 1);
  fs_->Forget(named->number, 2);
  EXPECT_FALSE(fs_->GetAttributes(lost->number));
  EXPECT_EQ(Get(named->number).nlink, 1u);
}

TEST_F(FileSystemTest, NothingIsMadeInARemovedDirectory) {
  const InodeNumber folder = Folder("d");
  ASSERT_TRUE(fs_->RemoveDirectory(kRootInode, "d"));
  EXPECT_EQ(CodeOf(fs_->Create(folder, "x", S_IFREG, 0, kRoot)),
            ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(fs_->CreateUnnamed(folder, 0600, kRoot)),
            ErrorCode::kNotFound);
}

TEST_F(FileSystemTest, RenameChecks) {
  const InodeNumber outer = Folder("outer");
  const InodeNumber inner = Folder("inner", outer);
  Folder("empty");
  File("f");
  File("g");
  const struct {
    std::string from, to;
    uint32_t flags;
    InodeNumber new_parent;
    ErrorCode code;
  } cases[] = {
      {"none", "x", 0, kRootInode, ErrorCode::kNotFound},
      {"f", "g", RENAME_NOREPLACE, kRootInode, ErrorCode::kAlreadyExists},
      {"f", "x", RENAME_EXCHANGE, kRootInode, ErrorCode::kNotFound},
      {"f", "g", RENAME_EXCHANGE | RENAME_NOREPLACE, kRootInode,
       ErrorCode::kInvalidArgument},
      {"f", "g", 64, kRootInode, ErrorCode::kInvalidArgument},
      {"outer", "x", 0, inner, ErrorCode::kInvalidArgument},
      {"f", "empty", 0, kRootInode, ErrorCode::kIsDirectory},
      {"empty", "f", 0, kRootInode, ErrorCode::kNotDirectory},
      {"empty", "outer", 0, kRootInode, ErrorCode::kNotEmpty},
      {"f", std::string(256, 'x'), 0, kRootInode, ErrorCode::kNameTooLong},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(CodeOf(Rename(test.from, test.to, test.flags, kRootInode,
                            test.new_parent)),
              test.code)
        << test.from << " to " << test.to << " flags " << test.flags;
  }
}

TEST_F(FileSystemTest, RenameMovesDirectoriesAndTheirCounts) {
  const InodeNumber a = Folder("a");
  const InodeNumber b = Folder("b");
  const InodeNumber moved = Folder("moved", a);
  ASSERT_TRUE(Rename("moved", "moved", 0, a, b));
  EXPECT_EQ(Get(a).nlink, 2u);
  EXPECT_EQ(Get(b).nlink, 3u);
  EXPECT_EQ(fs_->Lookup(moved, "..")->number, b);
  // Over an empty directory, which then is gone.
  Folder("target", a);
  ASSERT_TRUE(Rename("moved", "target", 0, b, a));
  EXPECT_EQ(Get(a).nlink, 3u);
  EXPECT_EQ(Get(b).nlink, 2u);
  EXPECT_EQ(fs_->Lookup(a, "target")->number, moved);
}

TEST_F(FileSystemTest, RenameExchangesFilesAndDirectories) {
  const InodeNumber a = Folder("a");
  const InodeNumber folder = Folder("x", a);
  const InodeNumber file = File("f");
  ASSERT_TRUE(Rename("f", "x", RENAME_EXCHANGE, kRootInode, a));
  EXPECT_EQ(fs_->Lookup(kRootInode, "f")->number, folder);
  EXPECT_EQ(fs_->Lookup(a, "x")->number, file);
  EXPECT_EQ(Get(a).nlink, 2u);
  EXPECT_EQ(fs_->Lookup(folder, "..")->number, kRootInode);
}

TEST_F(FileSystemTest, RenameLeavesAWhiteout) {
  File("f");
  ASSERT_TRUE(Rename("f", "g", RENAME_WHITEOUT));
  const Result<Node> whiteout = fs_->Lookup(kRootInode, "f");
  ASSERT_TRUE(whiteout);
  EXPECT_EQ(whiteout->attributes.mode & S_IFMT, uint32_t{S_IFCHR});
  EXPECT_EQ(whiteout->attributes.rdev, 0u);
}

TEST_F(FileSystemTest, RenamingOneNameOfAFileToAnotherDoesNothing) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Link(file, kRootInode, "g"));
  ASSERT_TRUE(Rename("f", "g"));
  EXPECT_TRUE(fs_->Lookup(kRootInode, "f"));
  EXPECT_EQ(Get(file).nlink, 2u);
}

}  // namespace
}  // namespace driveroot
