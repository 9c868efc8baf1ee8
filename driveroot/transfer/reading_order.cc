// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/reading_order.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace driveroot {
namespace {

// Between half and all of this is under way or in the cache, before
// compression: many times what a link carries in a round trip.
constexpr uint64_t kAheadBytes = 64 << 20;

// A file's frames are looked up for so much of it at a time.
constexpr uint64_t kSliceBytes = 8 << 20;

}  // namespace

ReadingOrder::ReadingOrder(const Volume& volume) : volume_(volume) {
  const Volume::ReadLock lock = volume_.Read();
  std::unordered_set<InodeNumber> linked;
  std::vector<InodeNumber> pending = {kRootInode};
  while (!pending.empty()) {
    const InodeNumber number = pending.back();
    pending.pop_back();
    const Inode& inode = *lock->Find(number);
    if (S_ISREG(inode.attributes.mode)) {
      const bool is_first =
          inode.attributes.nlink == 1 || linked.insert(number).second;
      if (is_first) files_.push_back(number);
    }
    if (!inode.IsDirectory()) continue;
    std::vector<std::pair<std::string_view, InodeNumber>> entries;
    const Directory& directory = inode.directory();
    for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
         entry = directory.After(entry->cookie)) {
      entries.emplace_back(entry->name, entry->inode);
    }
    // The first one last, where it is taken from.
    std::ranges::sort(entries, std::ranges::greater());
    for (const auto& [name, child] : entries) pending.push_back(child);
  }
}

std::vector<StoredFrame> ReadingOrder::Ahead(uint64_t bytes_read) {
  std::vector<StoredFrame> frames;
  if (position_ > bytes_read + kAheadBytes / 2) return frames;
  const Volume::ReadLock lock = volume_.Read();
  while (file_ < files_.size() && position_ < bytes_read + kAheadBytes) {
    const Inode& inode = *lock->Find(files_[file_]);
    const uint64_t size = inode.attributes.size;
    const uint64_t length = std::min(size - offset_, kSliceBytes);
    for (const Extent& extent : inode.extents().Slice(offset_, length)) {
      const std::optional<StoredFrame> frame = lock->FindFrame(extent.frame);
      if (frame) frames.push_back(*frame);
    }
    offset_ += length;
    position_ += length;
    if (offset_ < size) continue;
    offset_ = 0;
    ++file_;
  }
  return frames;
}

}  // namespace driveroot
