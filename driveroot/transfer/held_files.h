// SPDX-License-Identifier: Apache-2.0
//
// HeldFiles keeps the contents of certain files back while a tree is read, so
// that they can be stored side by side and in an order of their own: those of a
// list, or without one those that BootGuess may choose. Bounded memory; what
// finds no room is stored where it comes. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_HELD_FILES_H_
#define DRIVEROOT_TRANSFER_HELD_FILES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "driveroot/volume/delta.h"

namespace driveroot {

class HeldFiles {
 public:
  struct File {
    std::string path;
    InodeNumber inode = kNoInode;
    std::string bytes;
  };

  // `paths` in the order wanted, relative to the tree's top; "/" or "./" before
  // them is allowed. Empty: there is no list.
  explicit HeldFiles(std::span<const std::string> paths);

  // Where to put the contents of the file `path`, of `size` bytes; null: store
  // them at once. Good until files() is changed.
  File* Hold(std::string_view path, InodeNumber inode, uint64_t size);

  // Whether there was a list.
  bool has_list() const { return has_list_; }

  // Those held, by their place in the list, or in the order in which they came.
  std::map<size_t, File>& files() { return files_; }

 private:
  const bool has_list_;
  std::unordered_map<std::string, size_t> order_;
  std::map<size_t, File> files_;
  uint64_t bytes_ = 0;  // of all files_
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_HELD_FILES_H_
