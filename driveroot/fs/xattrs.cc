// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: extended attributes and, among them, access control lists.
#include <sys/stat.h>
#include <sys/xattr.h>

#include "driveroot/fs/acl.h"
#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

constexpr std::string_view kTrusted = "trusted.";

bool IsAclName(std::string_view name) {
  return name == kAccessAclName || name == kDefaultAclName;
}

// Which names exist at all, as fs/xattr.c of Linux resolves them.
Status CheckXattrName(const Inode& inode, std::string_view name) {
  if (name.size() > limits::kXattrNameBytes) {
    return Fail(ErrorCode::kRange, "an attribute's name has over 255 bytes");
  }
  const uint32_t mode = inode.attributes.mode;
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (!name.starts_with(prefix)) continue;
    if (name.size() == prefix.size()) {
      return Fail(ErrorCode::kInvalidArgument, "an attribute needs a name");
    }
    if (prefix == "user." && !S_ISREG(mode) && !S_ISDIR(mode)) {
      return Fail(ErrorCode::kNotPermitted,
                  "user attributes are for files and directories");
    }
    return {};
  }
  if (IsAclName(name) && !S_ISLNK(mode)) return {};
  return Fail(ErrorCode::kNotSupported,
              "no such kind of attribute: " + std::string(name));
}

Status NoAttribute(std::string_view name) {
  return Fail(ErrorCode::kNoAttribute, "no attribute " + std::string(name));
}

// Whether an inode can have this attribute besides its others.
Status CheckXattrRoom(const Inode& inode, std::string_view name,
                      std::string_view value) {
  size_t names = name.size() + 1;
  size_t total = name.size() + value.size();
  if (inode.xattrs != nullptr) {
    for (const auto& [other, other_value] : *inode.xattrs) {
      if (other == name) continue;
      names += other.size() + 1;
      total += other.size() + other_value.size();
    }
  }
  if (names > kMaxXattrNameBytes) {
    return Fail(ErrorCode::kOutOfSpace,
                "the names of one file's attributes exceed 64 KiB");
  }
  if (total > kMaxXattrTotalBytes) {
    return Fail(ErrorCode::kOutOfSpace,
                "the attributes of one file exceed 1 MiB");
  }
  return {};
}

void SetChangeTime(Metadata& metadata, InodeNumber number, TimeNs now) {
  Attributes attributes = metadata.Find(number)->attributes;
  attributes.ctime = now;
  metadata.SetAttributes(number, attributes);
}

}  // namespace

Status FileSystem::SetXattr(InodeNumber number, std::string_view name,
                            std::string_view value, int flags,
                            const Caller& caller) {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "unknown flags of setxattr");
  }
  if (value.size() > kMaxXattrBytes) {
    return Fail(ErrorCode::kArgumentTooBig,
                "an attribute's value has over 65,536 bytes");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  DRIVEROOT_RETURN_IF_ERROR(CheckXattrName(*inode, name));
  const bool exists = metadata.FindXattr(number, name) != nullptr;
  if ((flags & XATTR_CREATE) != 0 && exists) {
    return Fail(ErrorCode::kAlreadyExists, "the attribute exists");
  }
  if ((flags & XATTR_REPLACE) != 0 && !exists) return NoAttribute(name);
  DRIVEROOT_RETURN_IF_ERROR(CheckXattrRoom(*inode, name, value));
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckRoom(
      metadata, Metadata::XattrMemory(name.size() + value.size()),
      caller.privileged()));
  if (IsAclName(name)) {
    DRIVEROOT_RETURN_IF_ERROR(SetAcl(metadata, number, name, value, caller));
  } else {
    metadata.SetXattr(number, name, value);
  }
  SetChangeTime(metadata, number, now_());
  return {};
}

Status FileSystem::SetAcl(Metadata& metadata, InodeNumber number,
                          std::string_view name, std::string_view value,
                          const Caller& caller) {
  Attributes attributes = metadata.Find(number)->attributes;
  const bool exists = metadata.FindXattr(number, name) != nullptr;
  if (name == kDefaultAclName && !S_ISDIR(attributes.mode)) {
    return Fail(ErrorCode::kPermissionDenied,
                "default access lists are for directories");
  }
  // An empty list stands for none.
  Acl acl;
  if (!value.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(acl, ParseAcl(value));
  }
  const bool stored =
      !acl.empty() && (name == kDefaultAclName || !IsMinimalAcl(acl));
  if (name == kAccessAclName && !acl.empty()) {
    attributes.mode = (attributes.mode & ~uint32_t{0777}) | AclPermissions(acl);
    // Who is not of the file's group must not make it run as that group.
    if (!caller.privileged() && !caller.IsOfGroup(attributes.gid)) {
      attributes.mode &= ~uint32_t{S_ISGID};
    }
    metadata.SetAttributes(number, attributes);
  }
  if (stored) {
    metadata.SetXattr(number, name, EncodeAcl(acl));
  } else if (exists) {
    metadata.RemoveXattr(number, name);
  }
  return {};
}

Result<std::string> FileSystem::GetXattr(InodeNumber number,
                                         std::string_view name) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(*metadata, number));
  const std::string* value = metadata->FindXattr(number, name);
  if (value != nullptr) return *value;
  // Reading a user attribute where there can be none just finds none.
  if (Status status = CheckXattrName(*inode, name);
      !status && status.error().code() != ErrorCode::kNotPermitted) {
    return std::unexpected(status.error());
  }
  return std::unexpected(NoAttribute(name).error());
}

Result<std::string> FileSystem::ListXattrs(InodeNumber number,
                                           const Caller& caller) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(*metadata, number));
  std::string names;
  if (inode->xattrs == nullptr) return names;
  for (const auto& [name, value] : *inode->xattrs) {
    if (name.starts_with(kTrusted) && !caller.privileged()) continue;
    names.append(name).push_back('\0');
  }
  return names;
}

Status FileSystem::RemoveXattr(InodeNumber number, std::string_view name) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock,
                             BeginChange(ChangeKind::kRemoval));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  DRIVEROOT_RETURN_IF_ERROR(CheckXattrName(*inode, name));
  if (metadata.FindXattr(number, name) == nullptr) {
    // Linux: taking away a list that is not there succeeds.
    if (IsAclName(name)) return {};
    return NoAttribute(name);
  }
  metadata.RemoveXattr(number, name);
  SetChangeTime(metadata, number, now_());
  return {};
}

}  // namespace driveroot
