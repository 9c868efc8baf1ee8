// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/whiteouts.h"

#include <cstdint>
#include <vector>

namespace driveroot {
namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

void ChangeLinkCount(Metadata& metadata, InodeNumber inode, int change) {
  Attributes attributes = metadata.Find(inode)->attributes;
  attributes.nlink += static_cast<uint32_t>(change);
  metadata.SetAttributes(inode, attributes);
}

std::vector<Directory::Entry> EntriesOf(const Metadata& metadata,
                                        InodeNumber folder) {
  std::vector<Directory::Entry> entries;
  const Directory& directory = metadata.Find(folder)->directory();
  for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
       entry = directory.After(entry->cookie)) {
    entries.push_back(*entry);
  }
  return entries;
}

}  // namespace

bool IsWhiteout(const TarEntry& entry) {
  const size_t slash = entry.path.rfind('/');
  const std::string_view name =
      std::string_view(entry.path)
          .substr(slash == std::string::npos ? 0 : slash + 1);
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
         (entry.type == TarType::kFile || entry.type == TarType::kHardLink ||
          name.starts_with(".wh..wh."));
}

void RemoveTree(Metadata& metadata, InodeNumber folder, std::string_view name) {
  struct Item {
    InodeNumber folder;
    std::string name;
    bool emptied;
  };
  std::vector<Item> pending = {{folder, std::string(name), false}};
  while (!pending.empty()) {
    const Item item = pending.back();
    const InodeNumber inode = metadata.Lookup(item.folder, item.name);
    const bool is_directory = metadata.Find(inode)->IsDirectory();
    if (is_directory && !item.emptied) {
      pending.back().emptied = true;
      for (const Directory::Entry& child : EntriesOf(metadata, inode)) {
        pending.push_back({inode, child.name, false});
      }
      continue;
    }
    pending.pop_back();
    metadata.RemoveDentry(item.folder, item.name);
    if (is_directory) {
      ChangeLinkCount(metadata, item.folder, -1);
      metadata.RemoveInode(inode);
      continue;
    }
    ChangeLinkCount(metadata, inode, -1);
    if (metadata.Find(inode)->attributes.nlink == 0) {
      metadata.RemoveInode(inode);
    }
  }
}

void Whiteouts::BeginLayer(size_t layer) {
  if (layer_ == layer) return;
  layer_ = layer;
  brought_.clear();
}

void Whiteouts::Brought(InodeNumber folder, std::string_view name) {
  if (layer_) brought_.emplace(folder, name);
}

void Whiteouts::Apply(Metadata& metadata, InodeNumber folder,
                      std::string_view name) {
  if (name == kOpaque) return RemoveLower(metadata, folder);
  name.remove_prefix(kPrefix.size());
  // What else begins so is aufs's own.
  if (name.starts_with(kPrefix)) return;
  const InodeNumber inode = metadata.Lookup(folder, name);
  if (inode == kNoInode) return;
  if (!brought_.contains({folder, std::string(name)})) {
    RemoveTree(metadata, folder, name);
  } else if (metadata.Find(inode)->IsDirectory()) {
    RemoveLower(metadata, inode);
  }
}

void Whiteouts::RemoveLower(Metadata& metadata, InodeNumber folder) {
  std::vector<InodeNumber> pending = {folder};
  while (!pending.empty()) {
    const InodeNumber current = pending.back();
    pending.pop_back();
    for (const Directory::Entry& child : EntriesOf(metadata, current)) {
      if (!brought_.contains({current, child.name})) {
        RemoveTree(metadata, current, child.name);
      } else if (metadata.Find(child.inode)->IsDirectory()) {
        pending.push_back(child.inode);
      }
    }
  }
}

}  // namespace driveroot
