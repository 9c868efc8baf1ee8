// SPDX-License-Identifier: Apache-2.0
//
// FileSystem::SetAttributes: chmod, chown, truncate and utimensat.
#include <sys/stat.h>

#include "driveroot/fs/acl.h"
#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

constexpr uint32_t kPermissionBits = 07777;

Status CheckSize(const Metadata& metadata, InodeNumber number, uint64_t size) {
  DRIVEROOT_RETURN_IF_ERROR(FindFile(metadata, number));
  if (size > kMaxFileBytes) {
    return Fail(ErrorCode::kFileTooLarge, "the size is over 2^63 - 1 bytes");
  }
  return {};
}

// Makes the access list agree with new permission bits.
void SetListPermissions(Metadata& metadata, InodeNumber number,
                        uint32_t permissions) {
  const std::string* value = metadata.FindXattr(number, kAccessAclName);
  if (value == nullptr) return;
  Result<Acl> acl = ParseAcl(*value);
  if (!acl) return;
  SetAclPermissions(*acl, permissions);
  metadata.SetXattr(number, kAccessAclName, EncodeAcl(*acl));
}

}  // namespace

Result<Node> FileSystem::SetAttributes(InodeNumber number,
                                       const AttributeChange& change,
                                       const Caller& caller) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  if (change.size) {
    DRIVEROOT_RETURN_IF_ERROR(CheckSize(metadata, number, *change.size));
  }
  const TimeNs now = now_();
  Attributes attributes = inode->attributes;
  const bool owner_changes = change.uid || change.gid;
  if (owner_changes || change.clear_set_id) {
    attributes.mode = WithoutSetId(attributes, caller);
  }
  attributes.uid = change.uid.value_or(attributes.uid);
  attributes.gid = change.gid.value_or(attributes.gid);
  if (change.mode) {
    attributes.mode =
        (attributes.mode & S_IFMT) | (*change.mode & kPermissionBits);
  }
  if (change.size) {
    attributes.size = *change.size;
    attributes.mtime = now;
  }
  const auto time = [now](TimeNs value) {
    return value == AttributeChange::kNow ? now : value;
  };
  if (change.atime) attributes.atime = time(*change.atime);
  if (change.mtime) attributes.mtime = time(*change.mtime);
  attributes.ctime = change.ctime ? time(*change.ctime) : now;
  metadata.SetAttributes(number, attributes);
  if (change.mode) {
    SetListPermissions(metadata, number, attributes.mode & 0777);
  }
  const bool drops_capabilities = owner_changes || change.clear_set_id;
  if ((drops_capabilities && !S_ISDIR(attributes.mode)) || change.size) {
    DropCapabilities(metadata, number);
  }
  return MakeNode(metadata, number);
}

// The kernel does not say which of the two it is. Who owns the file may do the
// first, and loses the bits by the second, too. Of others the first is refused
// where bits would go; the second is nobody's whom the mode lets write nothing.
Result<Node> FileSystem::KeepOwner(InodeNumber number, const Caller& caller) {
  constexpr uint32_t kOthersWrite = S_IWGRP | S_IWOTH;
  AttributeChange change;
  {
    const Volume::ReadLock metadata = volume_->Read();
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                               FindInode(*metadata, number));
    const Attributes& attributes = inode->attributes;
    change.clear_set_id = caller.privileged() || caller.uid == attributes.uid;
    if (!change.clear_set_id && (attributes.mode & kOthersWrite) == 0 &&
        WithoutSetId(attributes, caller) != attributes.mode) {
      return Fail(ErrorCode::kNotPermitted,
                  "only its owner may take set-id bits away");
    }
  }
  return SetAttributes(number, change, caller);
}

}  // namespace driveroot
