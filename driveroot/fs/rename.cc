// SPDX-License-Identifier: Apache-2.0
//
// FileSystem::Rename, as renameat2(2).
#include <linux/fs.h>
#include <sys/stat.h>

#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {

struct FileSystem::RenameRequest {
  InodeNumber parent;
  std::string_view name;
  InodeNumber new_parent;
  std::string_view new_name;
  uint32_t flags;
  // Found by CheckRename.
  InodeNumber source = kNoInode;
  InodeNumber target = kNoInode;  // kNoInode: the new name is free
  bool source_is_directory = false;
  bool target_is_directory = false;

  bool exchange() const { return (flags & RENAME_EXCHANGE) != 0; }
  bool crosses_directories() const { return parent != new_parent; }
};

namespace {

constexpr uint32_t kKnownFlags =
    RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;

bool IsDots(std::string_view name) {
  return name.empty() || name == "." || name == "..";
}

// Whether `directory` is `ancestor` or lies below it.
bool LiesWithin(const Metadata& metadata, InodeNumber directory,
                InodeNumber ancestor) {
  while (directory != ancestor) {
    const Inode* inode = metadata.Find(directory);
    if (inode == nullptr || directory == kRootInode) return false;
    directory = inode->directory().parent();
  }
  return true;
}

Status CheckFlags(uint32_t flags) {
  const bool contradiction =
      (flags & RENAME_EXCHANGE) != 0 &&
      (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) != 0;
  if ((flags & ~kKnownFlags) != 0 || contradiction) {
    return Fail(ErrorCode::kInvalidArgument, "unknown flags of renameat2");
  }
  return {};
}

}  // namespace

// The order is that of do_renameat2, lock_rename and vfs_rename of Linux.
Status FileSystem::CheckRename(const Metadata& metadata,
                               RenameRequest& request) const {
  DRIVEROOT_RETURN_IF_ERROR(FindDirectory(metadata, request.parent));
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* new_directory,
                             FindDirectory(metadata, request.new_parent));
  if (IsDots(request.name) || IsDots(request.new_name)) {
    return Fail(ErrorCode::kBusy, "\".\" and \"..\" can't be renamed");
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckName(request.new_name));
  DRIVEROOT_ASSIGN_OR_RETURN(request.source,
                             FindEntry(metadata, request.parent, request.name));
  request.target = metadata.Lookup(request.new_parent, request.new_name);
  const bool has_target = request.target != kNoInode;
  if (has_target && (request.flags & RENAME_NOREPLACE) != 0) {
    return Fail(ErrorCode::kAlreadyExists, "the new name is taken");
  }
  if (!has_target && request.exchange()) {
    return Fail(ErrorCode::kNotFound, "there is nothing to exchange with");
  }
  if (new_directory->attributes.nlink == 0) {
    return Fail(ErrorCode::kNotFound, "the directory was removed");
  }
  request.source_is_directory = metadata.Find(request.source)->IsDirectory();
  request.target_is_directory =
      has_target && metadata.Find(request.target)->IsDirectory();
  if (request.source_is_directory &&
      LiesWithin(metadata, request.new_parent, request.source)) {
    return Fail(ErrorCode::kInvalidArgument,
                "a directory can't move below itself");
  }
  if (request.target_is_directory &&
      LiesWithin(metadata, request.parent, request.target)) {
    return Fail(
        request.exchange() ? ErrorCode::kInvalidArgument : ErrorCode::kNotEmpty,
        "the new name is a directory above the old one");
  }
  if (request.source == request.target || request.exchange()) return {};
  if (has_target && request.source_is_directory &&
      !request.target_is_directory) {
    return Fail(ErrorCode::kNotDirectory, "the new name is no directory");
  }
  if (!request.source_is_directory && request.target_is_directory) {
    return Fail(ErrorCode::kIsDirectory, "the new name is a directory");
  }
  if (request.target_is_directory &&
      !metadata.Find(request.target)->directory().empty()) {
    return Fail(ErrorCode::kNotEmpty, "the new name is not empty");
  }
  if (request.source_is_directory && !has_target &&
      request.crosses_directories() &&
      new_directory->attributes.nlink >= kMaxLinks) {
    return Fail(ErrorCode::kTooManyLinks, "too many directories in one");
  }
  return {};
}

void FileSystem::Exchange(Metadata& metadata, const RenameRequest& request) {
  metadata.PutDentry(request.parent, request.name, request.target);
  metadata.PutDentry(request.new_parent, request.new_name, request.source);
  int nlink_change = 0;  // of new_parent; parent's is the opposite
  if (request.crosses_directories()) {
    if (request.source_is_directory) {
      metadata.SetParent(request.source, request.new_parent);
      ++nlink_change;
    }
    if (request.target_is_directory) {
      metadata.SetParent(request.target, request.parent);
      --nlink_change;
    }
  }
  TouchDirectory(metadata, request.parent, -nlink_change);
  TouchDirectory(metadata, request.new_parent, nlink_change);
  for (const InodeNumber number : {request.source, request.target}) {
    Attributes attributes = metadata.Find(number)->attributes;
    attributes.ctime = now_();
    metadata.SetAttributes(number, attributes);
  }
}

void FileSystem::Replace(Metadata& metadata, const RenameRequest& request,
                         const Caller& caller) {
  metadata.RemoveDentry(request.parent, request.name);
  metadata.PutDentry(request.new_parent, request.new_name, request.source);
  if (request.source_is_directory && request.crosses_directories()) {
    metadata.SetParent(request.source, request.new_parent);
  }
  // One directory leaves `parent`, one comes to `new_parent` and one that it
  // replaced goes from there.
  TouchDirectory(metadata, request.parent,
                 request.source_is_directory ? -1 : 0);
  TouchDirectory(metadata, request.new_parent,
                 (request.source_is_directory ? 1 : 0) -
                     (request.target_is_directory ? 1 : 0));
  Attributes attributes = metadata.Find(request.source)->attributes;
  attributes.ctime = now_();
  metadata.SetAttributes(request.source, attributes);
  if (request.target != kNoInode) DropLink(metadata, request.target);
  if ((request.flags & RENAME_WHITEOUT) != 0) {
    // What overlayfs takes for "nothing here": a character device 0:0.
    const InodeNumber whiteout =
        MakeInode(metadata, request.parent, {.mode = S_IFCHR}, 1, caller);
    metadata.PutDentry(request.parent, request.name, whiteout);
  }
}

Status FileSystem::Rename(InodeNumber parent, std::string_view name,
                          InodeNumber new_parent, std::string_view new_name,
                          uint32_t flags, const Caller& caller) {
  DRIVEROOT_RETURN_IF_ERROR(CheckFlags(flags));
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  RenameRequest request = {.parent = parent,
                           .name = name,
                           .new_parent = new_parent,
                           .new_name = new_name,
                           .flags = flags};
  DRIVEROOT_RETURN_IF_ERROR(CheckRename(metadata, request));
  // A whiteout is made; else names may only become longer.
  const bool makes_whiteout = (flags & RENAME_WHITEOUT) != 0;
  if (makes_whiteout || new_name.size() > name.size()) {
    DRIVEROOT_RETURN_IF_ERROR(
        volume_->CheckRoom(metadata,
                           Metadata::EntryMemory(new_name) +
                               (makes_whiteout ? Metadata::InodeMemory() : 0),
                           caller.privileged()));
  }
  // POSIX: two names of one file stay as they are.
  if (request.source == request.target) return {};
  if (request.exchange()) {
    Exchange(metadata, request);
  } else {
    Replace(metadata, request, caller);
  }
  return {};
}

}  // namespace driveroot
