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

// A file that overlayfs copies gets its mode first and its owner then, and
// keeps its set-id bits. The kernel sends us the same as for chown(2), which
// takes them away. Where it can't be told which of the two it is, they go.
bool KeepsSetId(const AttributeChange& change, const Caller& caller) {
  return (change.uid || change.gid) && caller.IsInChown() == false;
}

}  // namespace

Result<Node> FileSystem::SetAttributes(InodeNumber number,
                                       const AttributeChange& change,
                                       const Caller& caller) {
  const bool owner_changes = change.uid || change.gid;
  bool takes_set_id = false;
  if (owner_changes || change.clear_set_id) {
    const Volume::ReadLock metadata = volume_->Read();
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                               FindInode(*metadata, number));
    takes_set_id =
        WithoutSetId(inode->attributes, caller) != inode->attributes.mode;
  }
  if (takes_set_id) takes_set_id = !KeepsSetId(change, caller);
  DRIVEROOT_ASSIGN_OR_RETURN(
      const Volume::WriteLock lock,
      BeginChange(change.size ? ChangeKind::kRemoval : ChangeKind::kTree));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  if (change.size) {
    DRIVEROOT_RETURN_IF_ERROR(CheckSize(metadata, number, *change.size));
  }
  const TimeNs now = now_();
  Attributes attributes = inode->attributes;
  if (takes_set_id) attributes.mode = WithoutSetId(attributes, caller);
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
  return MakeNode(metadata, number);
}

// The kernel does not say which of the two it is. Who owns the file may do the
// first, and loses the bits by the second, too. Of others the first is refused
// where bits would go. The second may be anybody's who was given an open file,
// and changes nothing yet: the write that follows does.
Result<Node> FileSystem::KeepOwner(InodeNumber number, const Caller& caller) {
  AttributeChange change;
  bool loses_set_id = false;
  {
    const Volume::ReadLock metadata = volume_->Read();
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                               FindInode(*metadata, number));
    const Attributes& attributes = inode->attributes;
    change.clear_set_id = caller.privileged() || caller.uid == attributes.uid;
    loses_set_id = WithoutSetId(attributes, caller) != attributes.mode;
  }
  if (!change.clear_set_id && loses_set_id && caller.IsInChown() == true) {
    return Fail(ErrorCode::kNotPermitted,
                "only its owner may take set-id bits away");
  }
  return SetAttributes(number, change, caller);
}

}  // namespace driveroot
