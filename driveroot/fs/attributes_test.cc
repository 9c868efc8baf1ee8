// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: modes, times, access lists and extended attributes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstdint>
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
