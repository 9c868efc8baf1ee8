// SPDX-License-Identifier: Apache-2.0
//
// Metadata to Delta and back. What comes back was on Drive, so Apply() takes
// nothing for granted.
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "driveroot/volume/metadata.h"

namespace driveroot {
namespace {

std::unexpected<Error> Damaged(std::string what) {
  return Fail(ErrorCode::kDataLoss, "damaged metadata: " + what);
}

std::string Named(std::string_view what, uint64_t number) {
  return std::string(what) + " " + std::to_string(number);
}

bool IsKnownType(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return true;
    default:
      return false;
  }
}

bool IsValidName(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytes && name != "." &&
         name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

InodeDelta Metadata::MakeInodeDelta(InodeNumber number,
                                    bool with_xattrs) const {
  InodeDelta delta;
  delta.number = number;
  const Inode* inode = Find(number);
  if (inode == nullptr) return delta;
  delta.attributes = inode->attributes;
  if (inode->IsDirectory()) delta.parent = inode->directory().parent();
  if (S_ISLNK(inode->attributes.mode)) {
    delta.symlink_target = inode->symlink_target();
  }
  if (with_xattrs) {
    delta.xattrs = inode->xattrs == nullptr ? Xattrs() : *inode->xattrs;
  }
  return delta;
}

FrameDelta Metadata::MakeFrameDelta(FrameNumber number,
                                    const Frame& frame) const {
  return {.number = number,
          .object = frame.object,
          .object_offset = frame.object_offset,
          .stored_length = frame.stored_length,
          .raw_length = frame.raw_length,
          .hash = frame.hash};
}

Delta Metadata::TakeDelta(MetadataChanges* taken) {
  Delta delta;
  for (const InodeNumber number : changes_.inodes) {
    if (number >= changes_.first_new_inode && !inodes_.contains(number)) {
      continue;
    }
    delta.inodes.push_back(
        MakeInodeDelta(number, changes_.xattrs.contains(number)));
  }
  for (const auto& [number, names] : changes_.dentries) {
    const Directory& directory = GetDirectory(number);
    for (const std::string& name : names) {
      delta.dentries.push_back({number, name, directory.Find(name)});
    }
  }
  for (const auto& [number, changed] : changes_.extents) {
    for (const RangeSet::Range& range : changed.ranges.ranges()) {
      delta.extents.push_back(
          {number, range.offset, range.length,
           GetExtents(number).Slice(range.offset, range.length)});
    }
  }
  for (const ObjectNumber number : changes_.objects) {
    const StoredObject* object = FindObject(number);
    ObjectDelta& change = delta.objects.emplace_back();
    change.number = number;
    if (object == nullptr) continue;
    change.id = object->id;
    change.kind = object->kind;
    change.size = object->size;
  }
  for (const FrameNumber number : changes_.frames) {
    delta.frames.push_back(MakeFrameDelta(number, frames_.at(number)));
  }
  AddHistoryChanges(delta);
  if (changes_.boot_trace) AddBootTrace(delta);
  delta.next_inode = next_inode_;
  delta.next_frame = next_frame_;
  delta.next_object = next_object_;
  MetadataChanges told = std::exchange(changes_, {});
  if (taken != nullptr) *taken = std::move(told);
  changes_.first_new_inode = next_inode_;
  released_before_.insert(released_before_.end(), released_.begin(),
                          released_.end());
  released_.clear();
  return delta;
}

Delta Metadata::FullDelta() const {
  Delta delta;
  for (const InodeNumber number : AllInodes()) {
    const Inode& inode = *Find(number);
    delta.inodes.push_back(MakeInodeDelta(number, inode.xattrs != nullptr));
    if (inode.IsDirectory()) {
      const Directory& directory = inode.directory();
      for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
           entry = directory.After(entry->cookie)) {
        delta.dentries.push_back({number, entry->name, entry->inode});
      }
      std::sort(delta.dentries.end() - static_cast<int64_t>(directory.size()),
                delta.dentries.end(), [](const auto& left, const auto& right) {
                  return left.name < right.name;
                });
    } else if (const auto* extents = std::get_if<ExtentMap>(&inode.content);
               extents != nullptr && !extents->empty()) {
      const Extent& last = extents->all().back();
      delta.extents.push_back({number,
                               0,
                               last.offset + last.length,
                               {extents->all().begin(), extents->all().end()}});
    }
  }
  for (const auto& [number, object] : objects_) {
    delta.objects.push_back({number, object.id, object.kind, object.size});
  }
  for (const auto& [number, frame] : frames_) {
    if (frame.object != 0 && frame.referenced > 0) {
      delta.frames.push_back(MakeFrameDelta(number, frame));
    }
  }
  std::ranges::sort(delta.frames, {}, &FrameDelta::number);
  AddHistory(delta);
  if (!boot_trace_.empty()) AddBootTrace(delta);
  delta.next_inode = next_inode_;
  delta.next_frame = next_frame_;
  delta.next_object = next_object_;
  return delta;
}

Status Metadata::Apply(const Delta& delta) {
  std::set<FrameNumber> unreferenced;
  if (delta.next_inode < next_inode_ || delta.next_frame < next_frame_ ||
      delta.next_object < next_object_) {
    return Damaged("numbers that go back");
  }
  if (std::max({delta.next_inode, delta.next_frame, delta.next_object}) >
      limits::kNumber) {
    return Damaged("numbers that leave no room for more");
  }
  next_inode_ = delta.next_inode;
  next_frame_ = delta.next_frame;
  next_object_ = delta.next_object;
  changes_.first_new_inode = next_inode_;
  DRIVEROOT_RETURN_IF_ERROR(ApplyObjects(delta));
  for (const FrameDelta& frame : delta.frames) {
    DRIVEROOT_RETURN_IF_ERROR(ApplyFrame(frame, unreferenced));
  }
  for (const InodeDelta& inode : delta.inodes) {
    DRIVEROOT_RETURN_IF_ERROR(ApplyInode(inode, unreferenced));
  }
  for (const InodeDelta& inode : delta.inodes) {
    const Inode* changed = Find(inode.number);
    if (changed == nullptr || !changed->IsDirectory()) continue;
    // One that is open still may have outlived its parent.
    if (changed->attributes.nlink == 0) continue;
    const Inode* parent = Find(inode.parent);
    if (parent == nullptr || !parent->IsDirectory()) {
      return Damaged(Named("no parent of directory", inode.number));
    }
  }
  for (const DentryDelta& dentry : delta.dentries) {
    DRIVEROOT_RETURN_IF_ERROR(ApplyDentry(dentry));
  }
  for (const ExtentDelta& extents : delta.extents) {
    DRIVEROOT_RETURN_IF_ERROR(ApplyExtents(extents, unreferenced));
  }
  for (const FrameNumber number : unreferenced) {
    const auto frame = frames_.find(number);
    if (frame != frames_.end() && frame->second.referenced == 0) {
      DropFrame(number);
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(ApplyBootTrace(delta));
  DRIVEROOT_RETURN_IF_ERROR(ForgetObjects(delta));
  return ApplyHistory(delta);
}

Status Metadata::ApplyObjects(const Delta& delta) {
  for (const ObjectDelta& object : delta.objects) {
    if (object.number == 0 || object.number >= next_object_) {
      return Damaged(Named("object number out of range,", object.number));
    }
    if (object.id.empty()) continue;
    StoredObject& stored = objects_[object.number];
    maybe_empty_objects_.insert(object.number);
    stored.id = object.id;
    stored.kind = object.kind;
    stored.size = object.size;
  }
  return {};
}

Status Metadata::ForgetObjects(const Delta& delta) {
  for (const ObjectDelta& object : delta.objects) {
    if (!object.id.empty()) continue;
    const auto found = objects_.find(object.number);
    if (found == objects_.end()) continue;
    if (found->second.frames > 0) {
      return Damaged(Named("frames in forgotten object", object.number));
    }
    objects_.erase(found);
  }
  return {};
}

Status Metadata::ApplyFrame(const FrameDelta& delta,
                            std::set<FrameNumber>& unreferenced) {
  const auto object = objects_.find(delta.object);
  if (delta.number == 0 || delta.number >= next_frame_) {
    return Damaged(Named("frame number out of range,", delta.number));
  }
  if (object == objects_.end() || delta.raw_length == 0 ||
      delta.raw_length > kMaxFrameBytes || delta.stored_length == 0 ||
      delta.stored_length > delta.raw_length ||
      delta.object_offset > object->second.size ||
      delta.stored_length > object->second.size - delta.object_offset) {
    return Damaged(Named("impossible place of frame", delta.number));
  }
  const auto [entry, is_new] = frames_.try_emplace(delta.number);
  Frame& frame = entry->second;
  // A frame may move, but is found by its hash until it is dropped.
  if (!is_new &&
      (frame.raw_length != delta.raw_length || frame.hash != delta.hash)) {
    return Damaged(Named("changed bytes of frame", delta.number));
  }
  if (is_new) unreferenced.insert(delta.number);
  MoveFrame(delta.number, frame,
            {.number = delta.number,
             .object = delta.object,
             .object_offset = delta.object_offset,
             .stored_length = delta.stored_length,
             .raw_length = delta.raw_length,
             .hash = delta.hash});
  return {};
}

Status Metadata::ApplyInode(const InodeDelta& delta,
                            std::set<FrameNumber>& unreferenced) {
  if (delta.number == kNoInode || delta.number >= next_inode_) {
    return Damaged(Named("inode number out of range,", delta.number));
  }
  if (!delta.attributes) {
    const auto found = inodes_.find(delta.number);
    if (found == inodes_.end()) return {};
    if (auto* extents = std::get_if<ExtentMap>(&found->second.content)) {
      SwapExtents(*extents, 0, UINT64_MAX, {}, &unreferenced);
    }
    EraseInode(delta.number);
    return {};
  }
  const uint32_t mode = delta.attributes->mode;
  if (!IsKnownType(mode)) {
    return Damaged(Named("unknown type of inode", delta.number));
  }
  if (delta.attributes->size > limits::kFileBytes) {
    return Damaged(Named("impossible size of inode", delta.number));
  }
  const auto [entry, is_new] = inodes_.try_emplace(delta.number);
  Inode& inode = entry->second;
  if (is_new) {
    if (S_ISREG(mode)) inode.content = ExtentMap();
    if (S_ISDIR(mode)) inode.content = std::make_unique<Directory>(kNoInode);
  } else if ((inode.attributes.mode & S_IFMT) != (mode & S_IFMT)) {
    return Damaged(Named("changed type of inode", delta.number));
  }
  text_bytes_ -= TextMemory(inode);
  inode.attributes = *delta.attributes;
  if (S_ISDIR(mode)) {
    std::get<std::unique_ptr<Directory>>(inode.content)
        ->set_parent(delta.parent);
  }
  if (S_ISLNK(mode)) {
    inode.content = std::make_unique<const std::string>(delta.symlink_target);
  }
  if (delta.xattrs) {
    if (!std::ranges::is_sorted(*delta.xattrs, std::ranges::less_equal(),
                                [](const auto& xattr) -> const std::string& {
                                  return xattr.first;
                                })) {
      return Damaged(Named("unsorted attributes of inode", delta.number));
    }
    inode.xattrs = delta.xattrs->empty()
                       ? nullptr
                       : std::make_unique<Xattrs>(*delta.xattrs);
  }
  text_bytes_ += TextMemory(inode);
  return {};
}

Status Metadata::ApplyDentry(const DentryDelta& delta) {
  const Inode* directory = Find(delta.directory);
  if (directory == nullptr || !directory->IsDirectory()) {
    return Damaged(Named("entry in what is no directory,", delta.directory));
  }
  if (!IsValidName(delta.name)) {
    return Damaged(Named("impossible name in directory", delta.directory));
  }
  if (delta.inode == kNoInode) {
    RemoveEntry(GetDirectory(delta.directory), delta.name);
    return {};
  }
  if (Find(delta.inode) == nullptr) {
    return Damaged(Named("entry for missing inode", delta.inode));
  }
  PutEntry(GetDirectory(delta.directory), delta.name, delta.inode);
  return {};
}

Status Metadata::ApplyExtents(const ExtentDelta& delta,
                              std::set<FrameNumber>& unreferenced) {
  const auto found = inodes_.find(delta.inode);
  if (found == inodes_.end() ||
      !std::holds_alternative<ExtentMap>(found->second.content)) {
    return Damaged(Named("data of what is no file, inode", delta.inode));
  }
  if (delta.length == 0 || delta.length > UINT64_MAX - delta.offset) {
    return Damaged(Named("impossible range of inode", delta.inode));
  }
  uint64_t position = delta.offset;
  const uint64_t end = delta.offset + delta.length;
  for (const Extent& extent : delta.extents) {
    const auto frame = frames_.find(extent.frame);
    if (frame == frames_.end()) {
      return Damaged(Named("missing frame", extent.frame));
    }
    if (extent.offset < position || extent.offset > end ||
        extent.offset + extent.length > limits::kFileBytes ||
        extent.length == 0 || extent.length > end - extent.offset ||
        extent.frame_offset > frame->second.raw_length ||
        extent.length > frame->second.raw_length - extent.frame_offset) {
      return Damaged(Named("impossible extent of inode", delta.inode));
    }
    position = extent.offset + extent.length;
  }
  SwapExtents(std::get<ExtentMap>(found->second.content), delta.offset,
              delta.length, delta.extents, &unreferenced);
  return {};
}

}  // namespace driveroot
