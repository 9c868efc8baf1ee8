// SPDX-License-Identifier: Apache-2.0
//
// FileSystem::ReadDirectory.
#include <sys/stat.h>

#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

// Positions: 0 is before ".", 1 before "..", 2 before the first entry, and 2
// more than an entry's cookie is right after that entry.
constexpr uint64_t kAfterDot = 1;
constexpr uint64_t kAfterDots = 2;

}  // namespace

Status FileSystem::ReadDirectory(
    InodeNumber number, uint64_t position, bool with_attributes,
    const std::function<bool(const DirectoryEntry&)>& visit) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                             FindDirectory(*metadata, number));
  const Directory& directory = inode->directory();
  if (position == 0) {
    NoteAccess(number, inode->attributes);
    if (!visit({.name = ".",
                .number = number,
                .mode = S_IFDIR,
                .next_position = kAfterDot})) {
      return {};
    }
  }
  if (position < kAfterDots) {
    if (!visit({.name = "..",
                .number = directory.parent(),
                .mode = S_IFDIR,
                .next_position = kAfterDots})) {
      return {};
    }
    position = kAfterDots;
  }
  const Directory::Entry* entry = directory.After(position - kAfterDots);
  for (; entry != nullptr; entry = directory.After(entry->cookie)) {
    DirectoryEntry visited = {
        .name = entry->name,
        .number = entry->inode,
        .mode = metadata->Find(entry->inode)->attributes.mode & S_IFMT,
        .next_position = entry->cookie + kAfterDots};
    if (with_attributes) visited.node = MakeNode(*metadata, entry->inode);
    if (!visit(visited)) break;
    if (with_attributes) references_.Add(entry->inode);
  }
  return {};
}

}  // namespace driveroot
