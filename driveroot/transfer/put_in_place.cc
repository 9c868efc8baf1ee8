// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/put_in_place.h"

#include <set>
#include <string>
#include <vector>

namespace driveroot {
namespace {

void RemoveOldTree(Metadata& metadata) {
  std::set<InodeNumber> inodes;
  std::vector<InodeNumber> folders = {kRootInode};
  while (!folders.empty()) {
    const InodeNumber folder = folders.back();
    folders.pop_back();
    const Directory& directory = metadata.Find(folder)->directory();
    while (const Directory::Entry* entry = directory.After(0)) {
      const InodeNumber inode = entry->inode;
      inodes.insert(inode);
      if (metadata.Find(inode)->IsDirectory()) folders.push_back(inode);
      const std::string name = entry->name;
      metadata.RemoveDentry(folder, name);
    }
  }
  for (const InodeNumber inode : inodes) metadata.RemoveInode(inode);
  if (const Xattrs* xattrs = metadata.Find(kRootInode)->xattrs.get()) {
    const Xattrs old = *xattrs;
    for (const auto& [name, value] : old) {
      metadata.RemoveXattr(kRootInode, name);
    }
  }
}

}  // namespace

void PutTreeInPlace(Metadata& metadata, InodeNumber top_number) {
  RemoveOldTree(metadata);
  const Inode& top = *metadata.Find(top_number);
  metadata.SetAttributes(kRootInode, top.attributes);
  if (top.xattrs != nullptr) {
    for (const auto& [name, value] : *top.xattrs) {
      metadata.SetXattr(kRootInode, name, value);
    }
  }
  while (const Directory::Entry* entry = top.directory().After(0)) {
    const std::string name = entry->name;
    const InodeNumber inode = entry->inode;
    metadata.RemoveDentry(top_number, name);
    metadata.PutDentry(kRootInode, name, inode);
    if (metadata.Find(inode)->IsDirectory()) {
      metadata.SetParent(inode, kRootInode);
    }
  }
  metadata.RemoveInode(top_number);
}

}  // namespace driveroot
