// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/file_system.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "driveroot/fs/checks.h"

namespace driveroot {
namespace {

// relatime of mount(8): at most once a day without a reason.
constexpr TimeNs kAccessTimeMaxAge =
    std::chrono::nanoseconds(std::chrono::hours(24)).count();

}  // namespace

FileSystem::FileSystem(Volume* volume, NowFunction now)
    : volume_(volume),
      read_only_(volume->GetStatus().read_only),
      now_(std::move(now)),
      space_(volume) {}

TimeNs FileSystem::SystemNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<Volume::WriteLock> FileSystem::BeginChange(ChangeKind kind) {
  Result<Volume::WriteLock> lock = volume_->TryWrite(kind);
  if (!lock || !has_pending_atimes_) return lock;
  std::unordered_map<InodeNumber, TimeNs> pending;
  {
    std::lock_guard atimes_lock(atimes_mutex_);
    pending.swap(pending_atimes_);
    has_pending_atimes_ = false;
  }
  Metadata& metadata = **lock;
  for (const auto& [number, atime] : pending) {
    const Inode* inode = metadata.Find(number);
    if (inode == nullptr || inode->attributes.atime >= atime) continue;
    Attributes attributes = inode->attributes;
    attributes.atime = atime;
    metadata.SetAttributes(number, attributes);
  }
  return lock;
}

void FileSystem::NoteAccess(InodeNumber number, const Attributes& attributes) {
  if (read_only_) return;
  const TimeNs now = now_();
  const auto is_due = [&](TimeNs atime) {
    return atime <= attributes.mtime || atime <= attributes.ctime ||
           now - atime >= kAccessTimeMaxAge;
  };
  if (!is_due(attributes.atime)) return;
  std::lock_guard lock(atimes_mutex_);
  const auto it = pending_atimes_.find(number);
  if (it != pending_atimes_.end() && !is_due(it->second)) return;
  pending_atimes_[number] = now;
  has_pending_atimes_ = true;
}

Node FileSystem::MakeNode(const Metadata& metadata, InodeNumber number) const {
  const Inode& inode = *metadata.Find(number);
  Node node = {.number = number, .attributes = inode.attributes};
  if (S_ISREG(inode.attributes.mode)) {
    node.allocated_bytes = inode.extents().CoveredBytes();
  }
  if (has_pending_atimes_) {
    std::lock_guard lock(atimes_mutex_);
    const auto it = pending_atimes_.find(number);
    if (it != pending_atimes_.end()) node.attributes.atime = it->second;
  }
  return node;
}

Node FileSystem::TakeNode(const Metadata& metadata, InodeNumber number) {
  references_.Add(number);
  return MakeNode(metadata, number);
}

Result<Node> FileSystem::Lookup(InodeNumber parent, std::string_view name) {
  const Volume::ReadLock metadata = volume_->Read();
  // "." and ".." come from file handles of name_to_handle_at(2). "/" is what
  // the kernel calls an inode that it found by its handle and has no name for;
  // it looks for that in the inode itself when it is not sure of it any more.
  if (name == "." || name == "/") {
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                               FindInode(*metadata, parent));
    // What has no name any more is gone for those who have a handle only, even
    // if others still have it open.
    if (inode->attributes.nlink == 0) {
      return Fail(ErrorCode::kStale,
                  "inode " + std::to_string(parent) + " was removed");
    }
    return TakeNode(*metadata, parent);
  }
  if (name == "..") {
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* directory,
                               FindDirectory(*metadata, parent));
    const InodeNumber above = directory->directory().parent();
    DRIVEROOT_RETURN_IF_ERROR(FindInode(*metadata, above));
    return TakeNode(*metadata, above);
  }
  if (IsHidden(parent, name)) {
    return Fail(ErrorCode::kNotFound, std::string(name) + " is hidden");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const InodeNumber number,
                             FindEntry(*metadata, parent, name));
  return TakeNode(*metadata, number);
}

void FileSystem::Forget(InodeNumber number, uint64_t count) {
  if (!references_.Drop(number, count)) return;
  {
    const Volume::ReadLock metadata = volume_->Read();
    const Inode* inode = metadata->Find(number);
    if (inode == nullptr || inode->attributes.nlink != 0) return;
  }
  // When nothing can be written any more the inode stays, and the next mount
  // removes it.
  Result<Volume::WriteLock> lock = BeginChange(ChangeKind::kRemoval);
  if (lock) RemoveIfUnused(**lock, number);
}

void FileSystem::RemoveIfUnused(Metadata& metadata, InodeNumber number) {
  const Inode* inode = metadata.Find(number);
  if (inode == nullptr || inode->attributes.nlink != 0) return;
  if (references_.Has(number)) return;
  metadata.RemoveInode(number);
}

Result<Node> FileSystem::GetAttributes(InodeNumber number) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_RETURN_IF_ERROR(FindInode(*metadata, number));
  return MakeNode(*metadata, number);
}

Result<std::string> FileSystem::ReadLink(InodeNumber number) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(*metadata, number));
  if (!S_ISLNK(inode->attributes.mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                "inode " + std::to_string(number) + " is no symlink");
  }
  // Earlier versions took longer ones from archives.
  if (inode->symlink_target().size() > kMaxSymlinkBytes) {
    return Fail(ErrorCode::kNameTooLong, "the target of symlink " +
                                             std::to_string(number) +
                                             " has over 4,095 bytes");
  }
  NoteAccess(number, inode->attributes);
  return inode->symlink_target();
}

Status FileSystem::ApplyAccessTimes() {
  if (!has_pending_atimes_) return {};
  const Result<Volume::WriteLock> lock = BeginChange(ChangeKind::kRemoval);
  if (!lock) return std::unexpected(lock.error());
  return {};
}

Status FileSystem::Sync(const ProgressCallback& progress) {
  if (read_only_) return {};
  DRIVEROOT_RETURN_IF_ERROR(ApplyAccessTimes());
  return volume_->Sync(progress);
}

Result<SyncPoint> FileSystem::StartSync() {
  if (read_only_) return SyncPoint();
  DRIVEROOT_RETURN_IF_ERROR(ApplyAccessTimes());
  return volume_->StartSync();
}

SpaceInfo FileSystem::Space() { return space_.Get(); }

}  // namespace driveroot
