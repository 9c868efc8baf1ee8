// SPDX-License-Identifier: Apache-2.0
//
// Operations on inodes and names.
#include <cerrno>
#include <optional>
#include <string_view>

#include "driveroot/fuse/operations.h"
#include "driveroot/fuse/reply.h"
#include "driveroot/fuse/requester.h"

namespace driveroot {
namespace {

// overlayfs looks by number for what a file was copied from, and gives ESTALE
// for the file itself when the kernel then forgets that. Without an answer it
// does without.
bool IsBetterNotFound(fuse_req_t request, std::string_view name) {
  if (name != "." || !KernelForgetsUnnamed()) return false;
  const std::optional<long> call = SystemCallOf(fuse_req_ctx(request)->pid);
  return call && !MayUseHandles(*call);
}

void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (IsBetterNotFound(request, name)) {
    fuse_reply_err(request, ESTALE);
    return;
  }
  const Result<Node> node = FileSystemOf(request).Lookup(parent, name);
  if (!node && node.error().code() == ErrorCode::kNotFound) {
    // Inode 0 with a lifetime: the kernel remembers that there is none.
    fuse_entry_param entry = EntryOf({});
    entry.ino = 0;
    fuse_reply_entry(request, &entry);
    return;
  }
  ReplyEntry(request, node);
}

void Forget(fuse_req_t request, fuse_ino_t number, uint64_t count) {
  FileSystemOf(request).Forget(number, count);
  fuse_reply_none(request);
}

void ForgetMany(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  for (size_t i = 0; i < count; ++i) {
    FileSystemOf(request).Forget(forgets[i].ino, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

void GetAttributes(fuse_req_t request, fuse_ino_t number, fuse_file_info*) {
  ReplyAttributes(request, FileSystemOf(request).GetAttributes(number));
}

void SetAttributes(fuse_req_t request, fuse_ino_t number,
                   struct stat* attributes, int to_set, fuse_file_info*) {
  const Caller caller = CallerOf(request);
  if (to_set == 0) {
    return ReplyAttributes(request,
                           FileSystemOf(request).KeepOwner(number, caller));
  }
  AttributeChange change;
  if ((to_set & FUSE_SET_ATTR_MODE) != 0) change.mode = attributes->st_mode;
  if ((to_set & FUSE_SET_ATTR_UID) != 0) change.uid = attributes->st_uid;
  if ((to_set & FUSE_SET_ATTR_GID) != 0) change.gid = attributes->st_gid;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
    change.size = static_cast<uint64_t>(attributes->st_size);
  }
  if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0) {
    change.atime = AttributeChange::kNow;
  } else if ((to_set & FUSE_SET_ATTR_ATIME) != 0) {
    change.atime = TimeOf(attributes->st_atim);
  }
  if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
    change.mtime = AttributeChange::kNow;
  } else if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
    change.mtime = TimeOf(attributes->st_mtim);
  }
  if ((to_set & FUSE_SET_ATTR_CTIME) != 0) {
    change.ctime = TimeOf(attributes->st_ctim);
  }
  // The same bit as FATTR_KILL_SUIDGID of the kernel, which is what comes.
  change.clear_set_id = (to_set & FUSE_SET_ATTR_KILL_SUID) != 0;
  ReplyAttributes(request,
                  FileSystemOf(request).SetAttributes(number, change, caller));
}

void ReadLink(fuse_req_t request, fuse_ino_t number) {
  const Result<std::string> target = FileSystemOf(request).ReadLink(number);
  if (!target) return ReplyError(request, target.error());
  fuse_reply_readlink(request, target->c_str());
}

void MakeNode(fuse_req_t request, fuse_ino_t parent, const char* name,
              mode_t mode, dev_t rdev) {
  ReplyEntry(request, FileSystemOf(request).Create(parent, name, mode, rdev,
                                                   CallerOf(request)));
}

void MakeDirectory(fuse_req_t request, fuse_ino_t parent, const char* name,
                   mode_t mode) {
  ReplyEntry(request, FileSystemOf(request).MakeDirectory(parent, name, mode,
                                                          CallerOf(request)));
}

void MakeSymlink(fuse_req_t request, const char* target, fuse_ino_t parent,
                 const char* name) {
  ReplyEntry(request, FileSystemOf(request).MakeSymlink(parent, name, target,
                                                        CallerOf(request)));
}

void Link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent,
          const char* name) {
  ReplyEntry(request, FileSystemOf(request).Link(number, parent, name));
}

void Unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  ReplyStatus(request, FileSystemOf(request).Unlink(parent, name));
}

void RemoveDirectory(fuse_req_t request, fuse_ino_t parent, const char* name) {
  ReplyStatus(request, FileSystemOf(request).RemoveDirectory(parent, name));
}

void Rename(fuse_req_t request, fuse_ino_t parent, const char* name,
            fuse_ino_t new_parent, const char* new_name, unsigned int flags) {
  ReplyStatus(request,
              FileSystemOf(request).Rename(parent, name, new_parent, new_name,
                                           flags, CallerOf(request)));
}

// Answers a request that both makes and opens a file.
void ReplyCreated(fuse_req_t request, const Result<Node>& node,
                  fuse_file_info* info) {
  if (!node) return ReplyError(request, node.error());
  FileSystem& file_system = FileSystemOf(request);
  info->keep_cache = 1;
  const fuse_entry_param entry = EntryOf(*node);
  if (fuse_reply_create(request, &entry, info) != 0) {
    file_system.Forget(node->number, 1);
  }
}

void Create(fuse_req_t request, fuse_ino_t parent, const char* name,
            mode_t mode, fuse_file_info* info) {
  ReplyCreated(
      request,
      FileSystemOf(request).Create(parent, name, mode, 0, CallerOf(request)),
      info);
}

void CreateUnnamed(fuse_req_t request, fuse_ino_t parent, mode_t mode,
                   fuse_file_info* info) {
  ReplyCreated(
      request,
      FileSystemOf(request).CreateUnnamed(parent, mode, CallerOf(request)),
      info);
}

}  // namespace

void AddNodeOperations(fuse_lowlevel_ops& operations) {
  operations.lookup = Lookup;
  operations.forget = Forget;
  operations.forget_multi = ForgetMany;
  operations.getattr = GetAttributes;
  operations.setattr = SetAttributes;
  operations.readlink = ReadLink;
  operations.mknod = MakeNode;
  operations.mkdir = MakeDirectory;
  operations.symlink = MakeSymlink;
  operations.link = Link;
  operations.unlink = Unlink;
  operations.rmdir = RemoveDirectory;
  operations.rename = Rename;
  operations.create = Create;
  operations.tmpfile = CreateUnnamed;
}

}  // namespace driveroot
