// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: making and removing inodes and their names.
#include <sys/stat.h>

#include "driveroot/fs/acl.h"
#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

// The default access list of a directory; empty when it has none.
Acl DefaultAcl(const Metadata& metadata, InodeNumber directory) {
  const std::string* value = metadata.FindXattr(directory, kDefaultAclName);
  if (value == nullptr) return {};
  return ParseAcl(*value).value_or(Acl());
}

}  // namespace

InodeNumber FileSystem::MakeInode(Metadata& metadata, InodeNumber parent,
                                  const NewInode& request, uint32_t nlink,
                                  const Caller& caller) {
  const Attributes& above = metadata.Find(parent)->attributes;
  const TimeNs now = now_();
  Attributes attributes = {.mode = request.mode,
                           .uid = caller.uid,
                           .gid = caller.gid,
                           .nlink = nlink,
                           .size = request.symlink_target.size(),
                           .rdev = request.rdev,
                           .atime = now,
                           .mtime = now,
                           .ctime = now,
                           .btime = now};
  if ((above.mode & S_ISGID) != 0) {
    attributes.gid = above.gid;
    if (S_ISDIR(request.mode)) attributes.mode |= S_ISGID;
  }
  Acl default_acl;
  Acl acl;
  if (!S_ISLNK(request.mode)) {
    default_acl = DefaultAcl(metadata, parent);
    if (default_acl.empty()) {
      attributes.mode &= ~(caller.umask & 0777);
    } else {
      uint32_t permissions = attributes.mode & 0777;
      acl = InheritAcl(default_acl, permissions);
      attributes.mode = (attributes.mode & ~uint32_t{0777}) | permissions;
    }
  }
  const InodeNumber number = metadata.CreateInode(
      attributes, S_ISDIR(request.mode) ? parent : kNoInode,
      std::string(request.symlink_target));
  if (!acl.empty() && !IsMinimalAcl(acl)) {
    metadata.SetXattr(number, kAccessAclName, EncodeAcl(acl));
  }
  if (!default_acl.empty() && S_ISDIR(request.mode)) {
    metadata.SetXattr(number, kDefaultAclName, EncodeAcl(default_acl));
  }
  return number;
}

void FileSystem::TouchDirectory(Metadata& metadata, InodeNumber directory,
                                int nlink_change) {
  Attributes attributes = metadata.Find(directory)->attributes;
  attributes.mtime = attributes.ctime = now_();
  attributes.nlink += static_cast<uint32_t>(nlink_change);
  metadata.SetAttributes(directory, attributes);
}

Status FileSystem::CheckRoomForInode(const Metadata& metadata,
                                     std::string_view name,
                                     std::string_view symlink_target,
                                     const Caller& caller) {
  const uint64_t more = Metadata::InodeMemory() + Metadata::EntryMemory(name) +
                        2 * symlink_target.size();
  return volume_->CheckRoom(metadata, more, caller.privileged());
}

Result<Node> FileSystem::MakeNamed(InodeNumber parent, std::string_view name,
                                   const NewInode& request,
                                   const Caller& caller) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_RETURN_IF_ERROR(CheckNewEntry(metadata, parent, name));
  const bool is_directory = S_ISDIR(request.mode);
  if (is_directory && metadata.Find(parent)->attributes.nlink >= kMaxLinks) {
    return Fail(ErrorCode::kTooManyLinks, "too many directories in one");
  }
  DRIVEROOT_RETURN_IF_ERROR(
      CheckRoomForInode(metadata, name, request.symlink_target, caller));
  const InodeNumber number =
      MakeInode(metadata, parent, request, is_directory ? 2 : 1, caller);
  metadata.PutDentry(parent, name, number);
  TouchDirectory(metadata, parent, is_directory ? 1 : 0);
  return TakeNode(metadata, number);
}

Result<Node> FileSystem::Create(InodeNumber parent, std::string_view name,
                                uint32_t mode, uint64_t rdev,
                                const Caller& caller) {
  // mknod(2): no type means a regular file.
  if ((mode & S_IFMT) == 0) mode |= S_IFREG;
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
      return MakeNamed(parent, name, {.mode = mode}, caller);
    case S_IFCHR:
    case S_IFBLK:
      return MakeNamed(parent, name, {.mode = mode, .rdev = rdev}, caller);
    case S_IFDIR:
      return Fail(ErrorCode::kNotPermitted, "mknod makes no directories");
    default:
      return Fail(ErrorCode::kInvalidArgument, "unknown type of file");
  }
}

Result<Node> FileSystem::MakeDirectory(InodeNumber parent,
                                       std::string_view name, uint32_t mode,
                                       const Caller& caller) {
  // Linux takes the sticky bit from mkdir's mode, and no set-id bits.
  return MakeNamed(parent, name, {.mode = S_IFDIR | (mode & 01777)}, caller);
}

Result<Node> FileSystem::MakeSymlink(InodeNumber parent, std::string_view name,
                                     std::string_view target,
                                     const Caller& caller) {
  if (target.empty()) {
    return Fail(ErrorCode::kNotFound, "a symlink needs a target");
  }
  if (target.size() > kMaxSymlinkBytes) {
    return Fail(ErrorCode::kNameTooLong,
                "a symlink's target has over 4,095 bytes");
  }
  return MakeNamed(parent, name,
                   {.mode = S_IFLNK | 0777, .symlink_target = target}, caller);
}

Result<Node> FileSystem::CreateUnnamed(InodeNumber parent, uint32_t mode,
                                       const Caller& caller) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* directory,
                             FindDirectory(metadata, parent));
  if (directory->attributes.nlink == 0) {
    return Fail(ErrorCode::kNotFound, "the directory was removed");
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckRoomForInode(metadata, "", "", caller));
  const NewInode request = {.mode = S_IFREG | (mode & 07777)};
  return TakeNode(metadata, MakeInode(metadata, parent, request, 0, caller));
}

Result<Node> FileSystem::Link(InodeNumber number, InodeNumber parent,
                              std::string_view name) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  DRIVEROOT_RETURN_IF_ERROR(CheckNewEntry(metadata, parent, name));
  if (inode->IsDirectory()) {
    return Fail(ErrorCode::kNotPermitted, "directories have one name only");
  }
  Attributes attributes = inode->attributes;
  if (attributes.nlink >= kMaxLinks) {
    return Fail(ErrorCode::kTooManyLinks, "too many names for one file");
  }
  // Nobody says who asks, so nothing of the reserve is for this.
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckRoom(
      metadata, Metadata::EntryMemory(name), /*privileged=*/false));
  ++attributes.nlink;
  attributes.ctime = now_();
  metadata.SetAttributes(number, attributes);
  metadata.PutDentry(parent, name, number);
  TouchDirectory(metadata, parent, 0);
  return TakeNode(metadata, number);
}

void FileSystem::DropLink(Metadata& metadata, InodeNumber number) {
  Attributes attributes = metadata.Find(number)->attributes;
  // A directory counts itself, too.
  attributes.nlink = S_ISDIR(attributes.mode) ? 0 : attributes.nlink - 1;
  attributes.ctime = now_();
  metadata.SetAttributes(number, attributes);
  RemoveIfUnused(metadata, number);
}

Status FileSystem::Unlink(InodeNumber parent, std::string_view name) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock,
                             BeginChange(ChangeKind::kRemoval));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const InodeNumber number,
                             FindEntry(metadata, parent, name));
  if (metadata.Find(number)->IsDirectory()) {
    return Fail(ErrorCode::kIsDirectory, std::string(name) + " is a directory");
  }
  metadata.RemoveDentry(parent, name);
  TouchDirectory(metadata, parent, 0);
  DropLink(metadata, number);
  return {};
}

Status FileSystem::RemoveDirectory(InodeNumber parent, std::string_view name) {
  if (name == ".") {
    return Fail(ErrorCode::kInvalidArgument, "\".\" can't be removed");
  }
  if (name == "..") {
    return Fail(ErrorCode::kNotEmpty, "\"..\" can't be removed");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock,
                             BeginChange(ChangeKind::kRemoval));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const InodeNumber number,
                             FindEntry(metadata, parent, name));
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                             FindDirectory(metadata, number));
  if (!inode->directory().empty()) {
    return Fail(ErrorCode::kNotEmpty, std::string(name) + " is not empty");
  }
  metadata.RemoveDentry(parent, name);
  TouchDirectory(metadata, parent, -1);
  DropLink(metadata, number);
  return {};
}

}  // namespace driveroot
