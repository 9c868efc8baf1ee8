// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/reading_order.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace driveroot {
namespace {

// So much, before compression, is under way or waits in the cache: many times
// what a link carries in a round trip.
constexpr uint64_t kAheadBytes = 96 << 20;

// Requests are planned for so much at a time: what lies together is fetched
// together even if it is used apart. All of that and what is ahead of it must
// fit into the cache (VolumeOptions::cache_bytes), or what waits there for its
// use would be pushed out.
constexpr uint64_t kLotBytes = 128 << 20;

// A file's frames are looked up for so much of it at a time.
constexpr uint64_t kSliceBytes = 8 << 20;

// All regular files, names in byte order.
std::vector<InodeNumber> FilesByName(const Metadata& metadata) {
  std::vector<InodeNumber> files;
  std::unordered_set<InodeNumber> linked;
  std::vector<InodeNumber> pending = {kRootInode};
  while (!pending.empty()) {
    const InodeNumber number = pending.back();
    pending.pop_back();
    const Inode& inode = *metadata.Find(number);
    if (S_ISREG(inode.attributes.mode)) {
      const bool is_first =
          inode.attributes.nlink == 1 || linked.insert(number).second;
      if (is_first) files.push_back(number);
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
  return files;
}

void SortByStorage(const Metadata& metadata, std::vector<InodeNumber>& files) {
  // Of the first byte: object, frame, offset in the frame, which small files
  // share.
  using Place = std::tuple<ObjectNumber, uint64_t, uint32_t>;
  std::vector<std::pair<Place, InodeNumber>> placed;
  placed.reserve(files.size());
  for (const InodeNumber number : files) {
    Place place;
    const ExtentMap& extents = metadata.Find(number)->extents();
    if (!extents.all().empty()) {
      const Extent& first = extents.all().front();
      const std::optional<StoredFrame> frame = metadata.FindFrame(first.frame);
      if (frame) {
        place = {frame->object, frame->object_offset, first.frame_offset};
      }
    }
    placed.emplace_back(place, number);
  }
  std::ranges::stable_sort(placed, {}, &std::pair<Place, InodeNumber>::first);
  std::ranges::transform(placed, files.begin(),
                         &std::pair<Place, InodeNumber>::second);
}

}  // namespace

ReadingOrder::ReadingOrder(Volume& volume, By by) : volume_(volume) {
  const Volume::ReadLock lock = volume_.Read();
  files_ = FilesByName(*lock);
  if (by == By::kStorage) SortByStorage(*lock, files_);
}

void ReadingOrder::FetchAhead(uint64_t bytes_read) {
  const uint64_t until = bytes_read + kAheadBytes;
  while (true) {
    if (!planned_.empty()) {
      if (planned_.front().position > until) return;
      volume_.FetchAhead(planned_.front().frames);
      planned_.pop_front();
      continue;
    }
    if (lot_.empty() && file_ == files_.size()) return;
    if ((lot_.empty() ? position_ : lot_.front().position) > until) return;
    PlanLot();
  }
}

void ReadingOrder::AddFile(const Metadata& metadata) {
  const Inode& inode = *metadata.Find(files_[file_]);
  const uint64_t size = inode.attributes.size;
  // Holes take no time, however long.
  offset_ = inode.extents().NextData(offset_, size);
  const uint64_t length = std::min(size - offset_, kSliceBytes);
  for (const Extent& extent : inode.extents().Slice(offset_, length)) {
    const std::optional<StoredFrame> frame = metadata.FindFrame(extent.frame);
    if (frame) lot_.push_back({*frame, position_});
    position_ += extent.length;
  }
  offset_ = inode.extents().NextData(offset_ + length, size);
  if (offset_ < size) return;
  offset_ = 0;
  ++file_;
}

void ReadingOrder::PlanLot() {
  {
    const Volume::ReadLock lock = volume_.Read();
    const uint64_t end = position_ + kLotBytes;
    while (file_ < files_.size() && position_ < end) AddFile(*lock);
  }
  std::vector<StoredFrame> frames;
  std::unordered_map<FrameNumber, uint64_t> first_use;
  for (const Use& use : lot_) {
    if (first_use.try_emplace(use.frame.number, use.position).second) {
      frames.push_back(use.frame);
    }
  }
  const bool goes_on = file_ < files_.size();
  for (std::vector<StoredFrame>& fetch : Volume::PlanFetches(frames)) {
    uint64_t position = UINT64_MAX;
    for (const StoredFrame& frame : fetch) {
      position = std::min(position, first_use.at(frame.number));
    }
    planned_.push_back({std::move(fetch), position});
  }
  lot_.clear();
  if (!goes_on || planned_.size() < 2) return;
  // What the lot ends with is likely to go on in the next one, and shares its
  // request with that.
  const Planned last = std::move(planned_.back());
  planned_.pop_back();
  for (const StoredFrame& frame : last.frames) {
    lot_.push_back({frame, first_use.at(frame.number)});
  }
  std::ranges::stable_sort(lot_, {}, &Use::position);
}

}  // namespace driveroot
