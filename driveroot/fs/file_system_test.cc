// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/fs/acl.h"
#include "driveroot/store/fake/fake_object_store.h"

namespace driveroot {
namespace {

const Caller kRoot = {.uid = 0, .gid = 0, .umask = 022};
const Caller kUser = {.uid = 1000, .gid = 1000, .umask = 022};
constexpr TimeNs kDay = TimeNs{24} * 3600 * 1'000'000'000;

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() {
    FakeObjectStore store(account_);
    EXPECT_TRUE(Volume::Format(store, {}));
    Open();
  }

  void Open() {
    VolumeOptions options;
    options.commit_interval = std::chrono::hours(1);
    Result<std::unique_ptr<Volume>> volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
    fs_ = std::make_unique<FileSystem>(volume_.get(), [this] { return now_; });
  }

  void Reopen() {
    ASSERT_TRUE(fs_->Sync());
    fs_.reset();
    ASSERT_TRUE(volume_->Close());
    volume_.reset();
    Open();
  }

  InodeNumber File(std::string_view name, InodeNumber parent = kRootInode) {
    const Result<Node> node =
        fs_->Create(parent, name, S_IFREG | 0644, 0, kRoot);
    EXPECT_TRUE(node) << node.error();
    return node->number;
  }
  InodeNumber Folder(std::string_view name, InodeNumber parent = kRootInode) {
    const Result<Node> node = fs_->MakeDirectory(parent, name, 0755, kRoot);
    EXPECT_TRUE(node) << node.error();
    return node->number;
  }
  Attributes Get(InodeNumber number) {
    const Result<Node> node = fs_->GetAttributes(number);
    EXPECT_TRUE(node);
    return node ? node->attributes : Attributes();
  }
  std::string Read(InodeNumber number, uint64_t offset = 0, size_t size = 100) {
    const Result<FileBytes> bytes = fs_->Read(number, offset, size);
    EXPECT_TRUE(bytes) << bytes.error();
    return bytes ? bytes->Joined() : "";
  }
  Status Rename(std::string_view from, std::string_view to, uint32_t flags = 0,
                InodeNumber old_parent = kRootInode,
                InodeNumber new_parent = kRootInode) {
    return fs_->Rename(old_parent, from, new_parent, to, flags, kRoot);
  }
  void SetMode(InodeNumber number, uint32_t mode) {
    AttributeChange change;
    change.mode = mode;
    EXPECT_TRUE(fs_->SetAttributes(number, change, kRoot));
  }
  template <typename T>
  static ErrorCode CodeOf(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::kInternal : result.error().code();
  }

  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  TimeNs now_ = kDay;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> fs_;
};

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

TEST_F(FileSystemTest, NewInodesFollowUmaskAndSetGroupId) {
  const Result<Node> file =
      fs_->Create(kRootInode, "f", S_IFREG | 0666, 0, kUser);
  EXPECT_EQ(file->attributes.mode & 07777, 0644u);
  EXPECT_EQ(file->attributes.uid, 1000u);
  const InodeNumber folder = Folder("d");
  AttributeChange change;
  change.gid = 77;
  ASSERT_TRUE(fs_->SetAttributes(folder, change, kRoot));
  SetMode(folder, 02775);
  const Result<Node> inner = fs_->MakeDirectory(folder, "i", 0777, kUser);
  EXPECT_EQ(inner->attributes.gid, 77u);
  EXPECT_EQ(inner->attributes.mode & 07777, 02755u);
  EXPECT_EQ(Get(File("x", folder)).gid, 77u);
}

TEST_F(FileSystemTest, SetIdBitsAndCapabilitiesGo) {
  const InodeNumber file = File("f");
  const auto arm = [&](uint32_t mode) {
    SetMode(file, mode);
    EXPECT_TRUE(fs_->SetXattr(file, "security.capability", "c", 0, kRoot));
  };
  const auto expect_dropped = [&](uint32_t mode) {
    EXPECT_EQ(Get(file).mode & 07777, mode);
    EXPECT_FALSE(fs_->GetXattr(file, "security.capability"));
  };
  arm(06755);
  ASSERT_TRUE(fs_->Write(file, 0, "x", kUser));
  expect_dropped(0755);
  // Without group execution the set-group-id bit stays for those of the group.
  arm(06745);
  ASSERT_TRUE(fs_->Write(file, 0, "x", kUser));
  expect_dropped(0745);
  Caller member = kUser;
  member.other_groups = [] { return std::vector<uint32_t>{5, 0}; };
  arm(06745);
  ASSERT_TRUE(fs_->Write(file, 0, "x", member));
  expect_dropped(02745);
  arm(06755);
  ASSERT_TRUE(fs_->Write(file, 0, "x", kRoot));
  expect_dropped(06755);
  AttributeChange owner;
  owner.uid = 5;
  arm(06755);
  ASSERT_TRUE(fs_->SetAttributes(file, owner, kRoot));
  expect_dropped(0755);
  AttributeChange size;
  size.size = 0;
  size.clear_set_id = true;
  arm(06755);
  ASSERT_TRUE(fs_->SetAttributes(file, size, kRoot));
  expect_dropped(0755);
}

TEST_F(FileSystemTest, WhoMayTakeSetIdBitsAwayByKeepingTheOwner) {
  const InodeNumber file = File("f");
  SetMode(file, 06755);
  EXPECT_EQ(CodeOf(fs_->KeepOwner(file, kUser)), ErrorCode::kNotPermitted);
  EXPECT_EQ(Get(file).mode & 07777, 06755u);
  ASSERT_TRUE(fs_->KeepOwner(file, kRoot));
  EXPECT_EQ(Get(file).mode & 07777, 0755u);
  // There is nothing to take.
  EXPECT_TRUE(fs_->KeepOwner(file, kUser));
  // It may be the beginning of a write.
  SetMode(file, 06757);
  EXPECT_TRUE(fs_->KeepOwner(file, kUser));
  EXPECT_EQ(Get(file).mode & 07777, 06757u);
}

TEST_F(FileSystemTest, TimesFollowChanges) {
  const InodeNumber file = File("f");
  now_ += 10;
  ASSERT_TRUE(fs_->Write(file, 0, "x", kRoot));
  EXPECT_EQ(Get(file).mtime, now_);
  EXPECT_EQ(Get(file).ctime, now_);
  const TimeNs written = now_;
  now_ += 10;
  SetMode(file, 0600);
  EXPECT_EQ(Get(file).mtime, written);
  EXPECT_EQ(Get(file).ctime, now_);
  now_ += 10;
  ASSERT_TRUE(fs_->Unlink(kRootInode, "f"));
  EXPECT_EQ(Get(kRootInode).mtime, now_);
  EXPECT_EQ(Get(file).ctime, now_);
}

TEST_F(FileSystemTest, AccessTimesAreRelative) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, "x", kRoot));
  now_ += 10;
  Read(file);
  const TimeNs first = now_;
  EXPECT_EQ(Get(file).atime, first);
  now_ += 10;
  Read(file);
  EXPECT_EQ(Get(file).atime, first);
  now_ += kDay;
  Read(file);
  EXPECT_EQ(Get(file).atime, now_);
  Reopen();
  EXPECT_EQ(Get(file).atime, now_);
}

TEST_F(FileSystemTest, SizesGrowAndShrinkWithZeros) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, "abcdef", kRoot));
  AttributeChange change;
  change.size = 2;
  ASSERT_TRUE(fs_->SetAttributes(file, change, kRoot));
  change.size = 4;
  ASSERT_TRUE(fs_->SetAttributes(file, change, kRoot));
  EXPECT_EQ(Read(file), std::string("ab\0\0", 4));
  change.size = uint64_t{1} << 63;
  EXPECT_EQ(CodeOf(fs_->SetAttributes(file, change, kRoot)),
            ErrorCode::kFileTooLarge);
  EXPECT_EQ(CodeOf(fs_->SetAttributes(kRootInode, change, kRoot)),
            ErrorCode::kIsDirectory);
  EXPECT_EQ(CodeOf(fs_->Write(file, INT64_MAX, "x", kRoot)),
            ErrorCode::kFileTooLarge);
}

TEST_F(FileSystemTest, AReadCrossesWhatIsStoredWhatIsNotAndHoles) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 10, "stored-stored", kRoot));
  ASSERT_TRUE(fs_->Sync());
  ASSERT_TRUE(fs_->Write(file, 16, "+", kRoot));
  ASSERT_TRUE(fs_->Write(file, 30, "later", kRoot));
  const std::string all =
      std::string(10, '\0') + "stored+stored" + std::string(7, '\0') + "later";
  EXPECT_EQ(Read(file), all);
  for (uint64_t begin = 0; begin < all.size(); ++begin) {
    EXPECT_EQ(Read(file, begin, 9), all.substr(begin, 9)) << begin;
  }
  const Result<FileBytes> pieces = fs_->Read(file, 10, 13);
  ASSERT_TRUE(pieces);
  // What is stored is not copied together with the rest.
  EXPECT_EQ(pieces->pieces().size(), 3U);
}

TEST_F(FileSystemTest, AllocatesPunchesAndSeeks) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, std::string(300, 'x'), kRoot));
  ASSERT_TRUE(fs_->Allocate(file, 0, 0, 1000, kRoot));
  EXPECT_EQ(Get(file).size, 1000u);
  ASSERT_TRUE(fs_->Allocate(file, FALLOC_FL_KEEP_SIZE, 0, 5000, kRoot));
  EXPECT_EQ(Get(file).size, 1000u);
  ASSERT_TRUE(fs_->Allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            100, 100, kRoot));
  EXPECT_EQ(Read(file, 99, 3), std::string("x\0\0", 3));
  EXPECT_EQ(fs_->Seek(file, 0, SEEK_HOLE), 100u);
  EXPECT_EQ(fs_->Seek(file, 100, SEEK_DATA), 200u);
  EXPECT_EQ(CodeOf(fs_->Seek(file, 300, SEEK_DATA)),
            ErrorCode::kNoSuchDeviceAddress);
  EXPECT_EQ(CodeOf(fs_->Seek(file, 1000, SEEK_HOLE)),
            ErrorCode::kNoSuchDeviceAddress);
  for (const uint32_t mode :
       {uint32_t{FALLOC_FL_PUNCH_HOLE}, uint32_t{FALLOC_FL_COLLAPSE_RANGE},
        uint32_t{FALLOC_FL_INSERT_RANGE}}) {
    EXPECT_EQ(CodeOf(fs_->Allocate(file, mode, 0, 4096, kRoot)),
              ErrorCode::kNotSupported);
  }
  EXPECT_EQ(CodeOf(fs_->Allocate(file, 0, 0, 0, kRoot)),
            ErrorCode::kInvalidArgument);
}

TEST_F(FileSystemTest, CopiesRangesByReference) {
  const InodeNumber from = File("from");
  const InodeNumber to = File("to");
  ASSERT_TRUE(fs_->Write(from, 0, "0123456789", kRoot));
  EXPECT_EQ(fs_->CopyRange(from, 4, to, 2, 100, kRoot), 6u);
  EXPECT_EQ(Read(to), std::string("\0\0"
                                  "456789",
                                  8));
  ASSERT_TRUE(fs_->Write(from, 4, "XXX", kRoot));
  EXPECT_EQ(Read(to), std::string("\0\0"
                                  "456789",
                                  8));
  EXPECT_EQ(fs_->CopyRange(from, 10, to, 0, 5, kRoot), 0u);
  EXPECT_EQ(CodeOf(fs_->CopyRange(from, 0, from, 3, 5, kRoot)),
            ErrorCode::kInvalidArgument);
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

TEST_F(FileSystemTest, ExtendedAttributes) {
  const InodeNumber file = File("f");
  const InodeNumber link =
      fs_->MakeSymlink(kRootInode, "l", "f", kRoot)->number;
  ASSERT_TRUE(fs_->SetXattr(file, "user.a", "1", XATTR_CREATE, kRoot));
  ASSERT_TRUE(fs_->SetXattr(file, "trusted.b", "2", 0, kRoot));
  EXPECT_EQ(fs_->GetXattr(file, "user.a"), "1");
  EXPECT_EQ(fs_->ListXattrs(file, kRoot),
            std::string("trusted.b\0user.a\0", 17));
  EXPECT_EQ(fs_->ListXattrs(file, kUser), std::string("user.a\0", 7));
  const struct {
    InodeNumber number;
    std::string name;
    size_t size;
    int flags;
    ErrorCode code;
  } cases[] = {
      {file, "user.a", 1, XATTR_CREATE, ErrorCode::kAlreadyExists},
      {file, "user.q", 1, XATTR_REPLACE, ErrorCode::kNoAttribute},
      {file, "user.", 1, 0, ErrorCode::kInvalidArgument},
      {file, "other", 1, 0, ErrorCode::kNotSupported},
      {file, "system.x", 1, 0, ErrorCode::kNotSupported},
      {link, "user.a", 1, 0, ErrorCode::kNotPermitted},
      {file, "user.big", 65537, 0, ErrorCode::kArgumentTooBig},
      {file, "user." + std::string(251, 'x'), 1, 0, ErrorCode::kRange},
      {file, "system.posix_acl_default", 0, 0, ErrorCode::kPermissionDenied},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(
        CodeOf(fs_->SetXattr(test.number, test.name,
                             std::string(test.size, 'v'), test.flags, kRoot)),
        test.code)
        << test.name;
  }
  ASSERT_TRUE(fs_->RemoveXattr(file, "user.a"));
  EXPECT_EQ(CodeOf(fs_->RemoveXattr(file, "user.a")), ErrorCode::kNoAttribute);
}

TEST_F(FileSystemTest, AllAttributesOfAFileCanBeListed) {
  const InodeNumber file = File("f");
  const auto set = [&](int i, const std::string& value) {
    const std::string name = "user." + std::to_string(1000 + i) +
                             std::string(246, 'n');  // 255 bytes, 256 with NUL
    return fs_->SetXattr(file, name, value, 0, kRoot);
  };
  constexpr int kNames = kMaxXattrNameBytes / 256;
  for (int i = 0; i < kNames; ++i) ASSERT_TRUE(set(i, "1"));
  EXPECT_EQ(CodeOf(set(kNames, "1")), ErrorCode::kOutOfSpace);
  EXPECT_EQ(fs_->ListXattrs(file, kRoot)->size(), kMaxXattrNameBytes);
  // One that is there may get another value, up to the limit of all together.
  const std::string large(kMaxXattrBytes, 'v');
  for (int i = 0; i < 14; ++i) ASSERT_TRUE(set(i, large));
  EXPECT_TRUE(set(13, large));
  EXPECT_TRUE(set(14, large));
  EXPECT_EQ(CodeOf(set(15, large)), ErrorCode::kOutOfSpace);
}

TEST_F(FileSystemTest, AccessListsAndModesAgree) {
  const Acl acl = {{AclTag::kUserObject, 7, 0},
                   {AclTag::kUser, 6, 1000},
                   {AclTag::kGroupObject, 5, 0},
                   {AclTag::kMask, 7, 0},
                   {AclTag::kOther, 0, 0}};
  const InodeNumber folder = Folder("d");
  ASSERT_TRUE(fs_->SetXattr(folder, kDefaultAclName, EncodeAcl(acl), 0, kRoot));
  // The umask has no say where there is a default list.
  const Result<Node> file = fs_->Create(folder, "f", S_IFREG | 0666, 0, kUser);
  EXPECT_EQ(file->attributes.mode & 0777, 0660u);
  SetMode(file->number, 0640);
  const Result<Acl> list =
      ParseAcl(*fs_->GetXattr(file->number, kAccessAclName));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->at(3).permissions, 4);
  const InodeNumber inner =
      fs_->MakeDirectory(folder, "i", 0777, kUser)->number;
  EXPECT_TRUE(fs_->GetXattr(inner, kDefaultAclName));
  // A list that says no more than the mode becomes the mode.
  ASSERT_TRUE(fs_->SetXattr(file->number, kAccessAclName,
                            EncodeAcl({{AclTag::kUserObject, 6, 0},
                                       {AclTag::kGroupObject, 4, 0},
                                       {AclTag::kOther, 4, 0}}),
                            0, kRoot));
  EXPECT_EQ(Get(file->number).mode & 0777, 0644u);
  EXPECT_EQ(CodeOf(fs_->GetXattr(file->number, kAccessAclName)),
            ErrorCode::kNoAttribute);
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
