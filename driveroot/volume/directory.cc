// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/directory.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>

namespace driveroot {
namespace {

// Up to this many entries are found by looking at each: an index costs memory
// in every directory, and most directories of a root tree are small.
constexpr size_t kMaxUnindexed = 16;

}  // namespace

uint64_t Directory::Position(std::string_view name) const {
  if (index_.empty()) {
    const auto found =
        std::ranges::find_if(entries_, [name](const Entry& entry) {
          return entry.inode != kNoInode && entry.name == name;
        });
    return found == entries_.end()
               ? kNowhere
               : static_cast<uint64_t>(std::distance(entries_.begin(), found));
  }
  const size_t mask = index_.size() - 1;
  size_t slot = std::hash<std::string_view>()(name) & mask;
  for (; index_[slot] != kFree; slot = (slot + 1) & mask) {
    const Entry& entry = entries_[index_[slot] - 1];
    if (entry.inode != kNoInode && entry.name == name) return index_[slot] - 1;
  }
  return kNowhere;
}

InodeNumber Directory::Find(std::string_view name) const {
  const uint64_t position = Position(name);
  return position == kNowhere ? kNoInode : entries_[position].inode;
}

void Directory::Put(std::string_view name, InodeNumber inode) {
  const uint64_t position = Position(name);
  if (position != kNowhere) {
    entries_[position].inode = inode;
    return;
  }
  entries_.push_back({std::string(name), inode, next_cookie_++});
  ++live_;
  // At most three quarters full, so that probing stays short.
  if (entries_.size() > kMaxUnindexed &&
      entries_.size() * 4 > index_.size() * 3) {
    RebuildIndex();
  } else if (!index_.empty()) {
    InsertIntoIndex(entries_.size() - 1);
  }
}

bool Directory::Remove(std::string_view name) {
  const uint64_t position = Position(name);
  if (position == kNowhere) return false;
  // The entry keeps its place, and the index its way past it.
  entries_[position].inode = kNoInode;
  entries_[position].name = std::string();
  --live_;
  while (first_live_ < entries_.size() &&
         entries_[first_live_].inode == kNoInode) {
    ++first_live_;
  }
  if (entries_.size() > kMaxUnindexed && live_ < entries_.size() / 2) {
    Compact();
  } else if (live_ == 0) {
    Compact();
  }
  return true;
}

const Directory::Entry* Directory::After(uint64_t cookie) const {
  auto found = std::ranges::upper_bound(
      entries_.begin() + static_cast<ptrdiff_t>(first_live_), entries_.end(),
      cookie, {}, &Entry::cookie);
  while (found != entries_.end() && found->inode == kNoInode) ++found;
  return found == entries_.end() ? nullptr : &*found;
}

void Directory::InsertIntoIndex(uint64_t position) {
  const size_t mask = index_.size() - 1;
  size_t slot = std::hash<std::string_view>()(entries_[position].name) & mask;
  while (index_[slot] != kFree) slot = (slot + 1) & mask;
  index_[slot] = static_cast<uint32_t>(position + 1);
}

void Directory::RebuildIndex() {
  index_.clear();
  if (entries_.size() <= kMaxUnindexed) {
    index_.shrink_to_fit();
    return;
  }
  size_t slots = 2 * kMaxUnindexed;
  // Room for a half more, at least, before the next rebuild.
  while (slots < entries_.size() * 2) slots *= 2;
  index_.assign(slots, kFree);
  for (uint64_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].inode != kNoInode) InsertIntoIndex(i);
  }
}

void Directory::Compact() {
  std::erase_if(entries_,
                [](const Entry& entry) { return entry.inode == kNoInode; });
  first_live_ = 0;
  RebuildIndex();
}

}  // namespace driveroot
