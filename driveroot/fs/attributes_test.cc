// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: modes, times, access lists and extended attributes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/fs/acl.h"
#include "driveroot/fs/file_system_test_util.h"

namespace driveroot {
namespace {

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

// Who changes the owner inside of chown(2), and outside of it.
Caller Chowner(Caller caller, std::optional<bool> in_chown) {
  caller.in_chown = [in_chown] { return in_chown; };
  return caller;
}

TEST_F(FileSystemTest, SetIdBitsGo) {
  const InodeNumber file = File("f");
  const InodeNumber source = File("source");
  ASSERT_TRUE(fs_->Write(source, 0, "x", kRoot));
  Caller member = kUser;
  member.other_groups = [] { return std::vector<uint32_t>{5, 0}; };
  struct Change {
    std::string name;
    std::function<bool(const Caller&)> make;
  };
  const Change changes[] = {
      {"write",
       [&](const Caller& caller) {
         return fs_->Write(file, 0, "x", caller).has_value();
       }},
      {"fallocate",
       [&](const Caller& caller) {
         return fs_->Allocate(file, 0, 0, 10, caller).has_value();
       }},
      {"copy_file_range", [&](const Caller& caller) {
         return fs_->CopyRange(source, 0, file, 0, 1, caller).has_value();
       }}};
  const struct {
    Caller caller;
    uint32_t before;
    uint32_t after;
  } cases[] = {
      {kUser, 06755, 0755},
      // Without group execution the set-group-id bit stays for those of the
      // group.
      {kUser, 06745, 0745},
      {member, 06745, 02745},
      {kRoot, 06755, 06755},
  };
  for (const Change& change : changes) {
    for (const auto& test : cases) {
      SetMode(file, test.before);
      EXPECT_TRUE(change.make(test.caller)) << change.name;
      EXPECT_EQ(Get(file).mode & 07777, test.after) << change.name;
    }
  }
  AttributeChange size;
  size.size = 0;
  size.clear_set_id = true;
  SetMode(file, 06755);
  ASSERT_TRUE(fs_->SetAttributes(file, size, kRoot));
  EXPECT_EQ(Get(file).mode & 07777, 0755u);
}

TEST_F(FileSystemTest, WhoCachesModesIsToldBeforeTheContentsChange) {
  const InodeNumber file = File("f");
  std::vector<std::string> told;
  fs_->set_mode_listener([&](InodeNumber number) {
    EXPECT_EQ(number, file);
    // No lock is held: what listens may ask.
    EXPECT_EQ(Get(file).mode & 07777, 0755u);
    told.push_back(Read(file));
  });
  ASSERT_TRUE(fs_->Write(file, 0, "old", kUser));
  EXPECT_TRUE(told.empty());
  SetMode(file, 04755);
  ASSERT_TRUE(fs_->Write(file, 0, "new", kUser));
  EXPECT_EQ(told, std::vector<std::string>{"old"});
  EXPECT_EQ(Read(file), "new");
}

// The kernel takes them away itself, where they are to go: overlayfs sets size
// and owner of a file that it has given its capabilities already.
TEST_F(FileSystemTest, CapabilitiesAreLeftToTheKernel) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->SetXattr(file, "security.capability", "c", 0, kRoot));
  AttributeChange change;
  change.size = 7;
  change.uid = 5;
  ASSERT_TRUE(fs_->SetAttributes(file, change, Chowner(kRoot, false)));
  ASSERT_TRUE(fs_->Write(file, 0, "x", kRoot));
  EXPECT_EQ(fs_->GetXattr(file, "security.capability"), "c");
}

TEST_F(FileSystemTest, ChownTakesSetIdBitsAndOverlayfsKeepsThem) {
  const InodeNumber file = File("f");
  AttributeChange owner;
  owner.uid = 5;
  // As the kernel asks in both cases.
  owner.clear_set_id = true;
  for (const std::optional<bool> in_chown :
       {std::optional(true), std::optional(false), std::optional<bool>()}) {
    SetMode(file, 06755);
    ASSERT_TRUE(fs_->SetAttributes(file, owner, Chowner(kRoot, in_chown)));
    EXPECT_EQ(Get(file).mode & 07777, in_chown == false ? 06755u : 0755u);
  }
}

TEST_F(FileSystemTest, WhoMayTakeSetIdBitsAwayByKeepingTheOwner) {
  const InodeNumber file = File("f");
  SetMode(file, 06755);
  EXPECT_EQ(CodeOf(fs_->KeepOwner(file, Chowner(kUser, true))),
            ErrorCode::kNotPermitted);
  // It may be the beginning of a write, by whoever was given the open file.
  EXPECT_TRUE(fs_->KeepOwner(file, Chowner(kUser, false)));
  EXPECT_TRUE(fs_->KeepOwner(file, kUser));
  EXPECT_EQ(Get(file).mode & 07777, 06755u);
  ASSERT_TRUE(fs_->KeepOwner(file, kRoot));
  EXPECT_EQ(Get(file).mode & 07777, 0755u);
  // There is nothing to take.
  EXPECT_TRUE(fs_->KeepOwner(file, Chowner(kUser, true)));
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

TEST_F(FileSystemTest, WhoWantsNoTraceLeavesNone) {
  const InodeNumber folder = Folder("d");
  const InodeNumber file = File("f", folder);
  ASSERT_TRUE(fs_->Write(file, 0, "x", kRoot));
  const TimeNs made = now_;
  const auto read = [&](AccessNote access) {
    ASSERT_TRUE(fs_->Read(file, 0, 1, access));
    ASSERT_TRUE(fs_->ReadDirectory(folder, 0, false, access,
                                   [](const DirectoryEntry&) { return true; }));
  };
  now_ += 10;
  read(AccessNote::kNone);
  EXPECT_EQ(Get(file).atime, made);
  EXPECT_EQ(Get(folder).atime, made);
  read(AccessNote::kRelative);
  EXPECT_EQ(Get(file).atime, now_);
  EXPECT_EQ(Get(folder).atime, now_);
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

}  // namespace
}  // namespace driveroot
