// SPDX-License-Identifier: Apache-2.0
//
// Directory: the entries of one directory, found by name in constant time and
// listed in the order in which they were made.
//
// Each entry has a cookie, which grows with each entry made and never changes
// while the entry is there. A listing that goes on after the last cookie it saw
// therefore shows every entry that stayed exactly once, whatever else comes and
// goes (POSIX readdir). Cookies are made anew at each mount.
//
// Not thread-safe.
#ifndef DRIVEROOT_VOLUME_DIRECTORY_H_
#define DRIVEROOT_VOLUME_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/volume/delta.h"

namespace driveroot {

class Directory {
 public:
  struct Entry {
    std::string name;
    InodeNumber inode = kNoInode;  // kNoInode: removed
    uint64_t cookie = 0;           // from 1 on
  };

  explicit Directory(InodeNumber parent) : parent_(parent) {}

  InodeNumber parent() const { return parent_; }
  void set_parent(InodeNumber parent) { parent_ = parent; }

  uint64_t size() const { return live_; }
  bool empty() const { return live_ == 0; }

  // kNoInode when there is no such entry.
  InodeNumber Find(std::string_view name) const;

  // Adds the entry, or makes the one of that name refer to `inode`.
  void Put(std::string_view name, InodeNumber inode);

  // False when there was none.
  bool Remove(std::string_view name);

  // The first entry with a cookie greater than `cookie` (0: the first of all);
  // null at the end. Valid until the next change.
  const Entry* After(uint64_t cookie) const;

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint64_t kNowhere = ~uint64_t{0};

  uint64_t Position(std::string_view name) const;  // in entries_, or kNowhere
  void InsertIntoIndex(uint64_t position);
  void RebuildIndex();
  void Compact();

  InodeNumber parent_;
  uint64_t live_ = 0;
  uint64_t next_cookie_ = 1;
  std::vector<Entry> entries_;  // by cookie, removed ones among them
  // All entries before this position are removed: who removes a whole directory
  // from the front on does not look at them again each time.
  uint64_t first_live_ = 0;
  // Open addressing, a power of two: position in entries_ plus one, or kFree.
  // Positions of removed entries stay until the next rebuild. Empty while there
  // are so few entries that looking at each is quicker.
  std::vector<uint32_t> index_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_DIRECTORY_H_
