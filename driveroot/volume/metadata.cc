// SPDX-License-Identifier: Apache-2.0
//
// Inodes, names and attributes. Data is in metadata_data.cc, deltas are in
// metadata_delta.cc.
#include "driveroot/volume/metadata.h"

#include <sys/stat.h>

#include <algorithm>

#include "glog/logging.h"

namespace driveroot {
namespace {

auto FindIn(Xattrs& xattrs, std::string_view name) {
  return std::ranges::lower_bound(xattrs, name, {}, [](const auto& attribute) {
    return std::string_view(attribute.first);
  });
}

}  // namespace

Metadata::Metadata() = default;
Metadata::~Metadata() = default;
Metadata& Metadata::operator=(Metadata&&) noexcept = default;

const Inode* Metadata::Find(InodeNumber number) const {
  const auto found = inodes_.find(number);
  return found == inodes_.end() ? nullptr : &found->second;
}

Inode& Metadata::Get(InodeNumber number) {
  const auto found = inodes_.find(number);
  CHECK(found != inodes_.end()) << "no inode " << number;
  return found->second;
}

ExtentMap& Metadata::GetExtents(InodeNumber number) {
  auto* extents = std::get_if<ExtentMap>(&Get(number).content);
  CHECK(extents != nullptr) << "inode " << number << " is no regular file";
  return *extents;
}

Directory& Metadata::GetDirectory(InodeNumber number) {
  auto* directory =
      std::get_if<std::unique_ptr<Directory>>(&Get(number).content);
  CHECK(directory != nullptr) << "inode " << number << " is no directory";
  return **directory;
}

InodeNumber Metadata::Lookup(InodeNumber directory,
                             std::string_view name) const {
  const Inode* inode = Find(directory);
  CHECK(inode != nullptr && inode->IsDirectory())
      << "inode " << directory << " is no directory";
  return inode->directory().Find(name);
}

const std::string* Metadata::FindXattr(InodeNumber number,
                                       std::string_view name) const {
  const Inode* inode = Find(number);
  if (inode == nullptr || inode->xattrs == nullptr) return nullptr;
  const auto found = FindIn(*inode->xattrs, name);
  if (found == inode->xattrs->end() || found->first != name) return nullptr;
  return &found->second;
}

std::vector<InodeNumber> Metadata::AllInodes() const {
  std::vector<InodeNumber> numbers;
  numbers.reserve(inodes_.size());
  for (const auto& [number, inode] : inodes_) numbers.push_back(number);
  std::ranges::sort(numbers);
  return numbers;
}

InodeNumber Metadata::CreateInode(const Attributes& attributes,
                                  InodeNumber parent,
                                  std::string symlink_target) {
  const InodeNumber number = next_inode_++;
  Inode& inode = inodes_[number];
  inode.attributes = attributes;
  if (S_ISREG(attributes.mode)) {
    inode.content = ExtentMap();
  } else if (S_ISDIR(attributes.mode)) {
    inode.content =
        std::make_unique<Directory>(parent == kNoInode ? number : parent);
  } else if (S_ISLNK(attributes.mode)) {
    inode.content =
        std::make_unique<const std::string>(std::move(symlink_target));
  }
  text_bytes_ += TextMemory(inode);
  NoteInode(number);
  return number;
}

void Metadata::PutRoot(const Attributes& attributes) {
  const auto [root, is_new] = inodes_.try_emplace(kRootInode);
  CHECK(is_new) << "there is a root";
  root->second.attributes = attributes;
  root->second.content = std::make_unique<Directory>(kRootInode);
  next_inode_ = std::max(next_inode_, kRootInode + 1);
  NoteInode(kRootInode);
}

void Metadata::RemoveInode(InodeNumber number) {
  Inode& inode = Get(number);
  if (auto* extents = std::get_if<ExtentMap>(&inode.content)) {
    SwapExtents(*extents, 0, UINT64_MAX, {}, nullptr);
  }
  if (inode.IsDirectory()) {
    CHECK(inode.directory().empty()) << "directory " << number << " is full";
  }
  const auto open_frame = own_open_frames_.find(number);
  if (open_frame != own_open_frames_.end()) {
    CloseFrame(open_frame->second);
    own_open_frames_.erase(number);
  }
  EraseInode(number);
  changes_.AddInode(number, 0);
  changes_.Forget(number);
}

void Metadata::SetAttributes(InodeNumber number, const Attributes& attributes) {
  Inode& inode = Get(number);
  CHECK_EQ(inode.attributes.mode & S_IFMT, attributes.mode & S_IFMT);
  if (auto* extents = std::get_if<ExtentMap>(&inode.content);
      extents != nullptr && !extents->empty()) {
    const Extent& last = extents->all().back();
    const uint64_t end = last.offset + last.length;
    if (attributes.size < inode.attributes.size && attributes.size < end) {
      ReplaceExtents(number, attributes.size, end - attributes.size, {});
    }
  }
  inode.attributes = attributes;
  NoteInode(number);
}

void Metadata::PutDentry(InodeNumber directory, std::string_view name,
                         InodeNumber inode) {
  CHECK(inode != kNoInode && !name.empty());
  PutEntry(GetDirectory(directory), name, inode);
  changes_.AddDentry(directory, name);
}

void Metadata::RemoveDentry(InodeNumber directory, std::string_view name) {
  // `name` may belong to the very entry that goes.
  changes_.AddDentry(directory, name);
  CHECK(RemoveEntry(GetDirectory(directory), name)) << "no such entry";
}

void Metadata::SetParent(InodeNumber directory, InodeNumber parent) {
  GetDirectory(directory).set_parent(parent);
  NoteInode(directory);
}

void Metadata::SetXattr(InodeNumber number, std::string_view name,
                        std::string_view value) {
  Inode& inode = Get(number);
  text_bytes_ -= XattrsMemory(inode);
  if (inode.xattrs == nullptr) inode.xattrs = std::make_unique<Xattrs>();
  const auto found = FindIn(*inode.xattrs, name);
  if (found != inode.xattrs->end() && found->first == name) {
    found->second = value;
  } else {
    inode.xattrs->emplace(found, name, value);
  }
  text_bytes_ += XattrsMemory(inode);
  NoteXattrs(number);
}

void Metadata::RemoveXattr(InodeNumber number, std::string_view name) {
  Inode& inode = Get(number);
  CHECK(inode.xattrs != nullptr) << "inode " << number << " has no attributes";
  const auto found = FindIn(*inode.xattrs, name);
  CHECK(found != inode.xattrs->end() && found->first == name)
      << "inode " << number << " has no such attribute";
  text_bytes_ -= XattrsMemory(inode);
  inode.xattrs->erase(found);
  if (inode.xattrs->empty()) inode.xattrs.reset();
  text_bytes_ += XattrsMemory(inode);
  NoteXattrs(number);
}

void Metadata::RemoveOrphans() {
  std::vector<InodeNumber> orphans;
  for (const auto& [number, inode] : inodes_) {
    if (inode.attributes.nlink == 0) orphans.push_back(number);
  }
  for (const InodeNumber number : orphans) RemoveInode(number);
}

std::set<InodeNumber> Metadata::ChangedInodes() const {
  std::set<InodeNumber> changed = changes_.inodes;
  for (const auto& [number, names] : changes_.dentries) {
    changed.insert(number);
    for (const std::string& name : names) {
      changed.insert(Lookup(number, name));
    }
  }
  for (const auto& [number, ranges] : changes_.extents) changed.insert(number);
  changed.erase(kNoInode);
  return changed;
}

bool Metadata::has_changes() const {
  return !changes_.inodes.empty() || !changes_.dentries.empty() ||
         !changes_.extents.empty() || !changes_.frames.empty() ||
         !changes_.objects.empty() || changes_.history_shortened ||
         changes_.boot_trace;
}

}  // namespace driveroot
