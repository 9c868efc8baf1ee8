// SPDX-License-Identifier: Apache-2.0
//
// Metadata: how much memory it takes. What each part takes is estimated from the
// structures' sizes; it is more than the part takes in a checkpoint uncompressed.
#include "driveroot/volume/metadata.h"

namespace driveroot {
namespace {

// A node of a hash table each, with what malloc adds.
constexpr uint64_t kInodeBytes = 160;
// With its places in frames_by_place_ and frames_by_hash_.
constexpr uint64_t kFrameBytes = 240;
constexpr uint64_t kObjectBytes = 256;
// A Directory::Entry, room to grow, and the index.
constexpr uint64_t kEntryBytes = 96;
// An Extent and room to grow.
constexpr uint64_t kExtentBytes = 32;
// Two strings and room to grow.
constexpr uint64_t kXattrBytes = 128;
constexpr uint64_t kSymlinkBytes = 64;

}  // namespace

uint64_t Metadata::ExtentMemory(uint64_t count) { return count * kExtentBytes; }

uint64_t Metadata::InodeMemory() {
  return kInodeBytes + MetadataChanges::kInodeBytes;
}

uint64_t Metadata::EntryMemory(std::string_view name) {
  return kEntryBytes + MetadataChanges::kDentryBytes + 2 * name.size();
}

uint64_t Metadata::XattrMemory(uint64_t length) {
  return kXattrBytes + 2 * length;
}

// A piece for each frame, which may be cut at both ends.
uint64_t Metadata::WriteMemory(uint64_t length) {
  return (length / kMaxFrameBytes + 2) *
         (kFrameBytes + kExtentBytes + MetadataChanges::kExtentBytes);
}

uint64_t Metadata::memory_bytes() const {
  return inodes_.size() * kInodeBytes + entries_ * kEntryBytes + text_bytes_ +
         extents_ * kExtentBytes + frames_.size() * kFrameBytes +
         (objects_.size() + dead_objects_.size()) * kObjectBytes +
         changed_bytes();
}

uint64_t Metadata::XattrsMemory(const Inode& inode) {
  if (inode.xattrs == nullptr) return 0;
  uint64_t bytes = 0;
  for (const auto& [name, value] : *inode.xattrs) {
    bytes += kXattrBytes + name.size() + value.size();
  }
  return bytes;
}

uint64_t Metadata::TextMemory(const Inode& inode) {
  const auto* target =
      std::get_if<std::unique_ptr<const std::string>>(&inode.content);
  return XattrsMemory(inode) +
         (target == nullptr ? 0 : kSymlinkBytes + (*target)->size());
}

void Metadata::EraseInode(InodeNumber number) {
  const Inode& inode = Get(number);
  text_bytes_ -= TextMemory(inode);
  if (inode.IsDirectory()) {
    const Directory& directory = inode.directory();
    entries_ -= directory.size();
    for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
         entry = directory.After(entry->cookie)) {
      text_bytes_ -= entry->name.size();
    }
  }
  inodes_.erase(number);
}

void Metadata::PutEntry(Directory& directory, std::string_view name,
                        InodeNumber inode) {
  const uint64_t before = directory.size();
  directory.Put(name, inode);
  if (directory.size() == before) return;
  ++entries_;
  text_bytes_ += name.size();
}

bool Metadata::RemoveEntry(Directory& directory, std::string_view name) {
  // `name` may belong to the very entry that goes.
  const uint64_t length = name.size();
  if (!directory.Remove(name)) return false;
  --entries_;
  text_bytes_ -= length;
  return true;
}

void Metadata::NoteInode(InodeNumber number) {
  const Inode& inode = Get(number);
  const auto* target =
      std::get_if<std::unique_ptr<const std::string>>(&inode.content);
  changes_.AddInode(number, target == nullptr ? 0 : (*target)->size());
}

void Metadata::NoteXattrs(InodeNumber number) {
  NoteInode(number);
  changes_.AddXattrs(number, XattrsMemory(Get(number)));
}

}  // namespace driveroot
