// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/extent_map.h"

#include <algorithm>
#include <cstddef>

namespace driveroot {
namespace {

uint64_t End(const Extent& extent) { return extent.offset + extent.length; }

// The end of a range that may reach to the end of all offsets.
uint64_t EndOf(uint64_t offset, uint64_t length) {
  return length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
}

// The part of `extent` in [begin, end), which must not be empty.
Extent Cut(const Extent& extent, uint64_t begin, uint64_t end) {
  const uint64_t from = std::max(extent.offset, begin);
  const uint64_t to = std::min(End(extent), end);
  const auto skipped = static_cast<uint32_t>(from - extent.offset);
  return {.offset = from,
          .frame = extent.frame,
          .frame_offset = extent.frame_offset + skipped,
          .length = static_cast<uint32_t>(to - from)};
}

}  // namespace

size_t ExtentMap::FirstEndingAfter(uint64_t offset) const {
  // Appending is the common case and always lands at the end.
  const std::span<const Extent> extents = all();
  if (extents.empty() || End(extents.back()) <= offset) return extents.size();
  const auto found = std::ranges::partition_point(
      extents,
      [offset](const Extent& extent) { return End(extent) <= offset; });
  return static_cast<size_t>(found - extents.begin());
}

std::vector<Extent> ExtentMap::Slice(uint64_t offset, uint64_t length) const {
  const uint64_t end = EndOf(offset, length);
  std::vector<Extent> result;
  for (const Extent& extent : all().subspan(FirstEndingAfter(offset))) {
    if (extent.offset >= end) break;
    result.push_back(Cut(extent, offset, end));
  }
  return result;
}

uint64_t ExtentMap::CountIn(uint64_t offset, uint64_t length) const {
  if (length == 0) return 0;
  const size_t first = FirstEndingAfter(offset);
  const uint64_t end = EndOf(offset, length);
  const std::span<const Extent> rest = all().subspan(first);
  const auto last = std::ranges::partition_point(
      rest, [end](const Extent& extent) { return extent.offset < end; });
  return static_cast<uint64_t>(last - rest.begin());
}

std::vector<Extent> ExtentMap::Replace(uint64_t offset, uint64_t length,
                                       std::span<const Extent> extents) {
  const uint64_t end = EndOf(offset, length);
  const size_t first = FirstEndingAfter(offset);
  size_t last = first;
  std::vector<Extent> removed;
  std::vector<Extent> replacement;
  if (first < extents_.size() && extents_[first].offset < offset) {
    replacement.push_back(Cut(extents_[first], 0, offset));
  }
  const size_t new_begin = replacement.size();
  replacement.insert(replacement.end(), extents.begin(), extents.end());
  const size_t new_end = replacement.size();
  for (; last < extents_.size() && extents_[last].offset < end; ++last) {
    removed.push_back(Cut(extents_[last], offset, end));
    if (End(extents_[last]) > end) {
      replacement.push_back(Cut(extents_[last], end, UINT64_MAX));
    }
  }
  extents_.Splice(first, last, replacement);
  // From the back, so that joining does not shift what is still to be tried.
  for (size_t i = first + new_end + 1; i > first + new_begin; --i) {
    JoinAt(i - 1);
  }
  return removed;
}

void ExtentMap::JoinAt(size_t index) {
  if (index == 0 || index >= extents_.size()) return;
  const Extent& left = extents_[index - 1];
  const Extent& right = extents_[index];
  if (left.frame != right.frame || End(left) != right.offset ||
      left.frame_offset + left.length != right.frame_offset) {
    return;
  }
  extents_.Join(index);
}

uint64_t ExtentMap::NextData(uint64_t offset, uint64_t size) const {
  const size_t index = FirstEndingAfter(offset);
  if (index == extents_.size()) return size;
  return std::min(size, std::max(offset, all()[index].offset));
}

uint64_t ExtentMap::NextHole(uint64_t offset, uint64_t size) const {
  uint64_t position = offset;
  for (const Extent& extent : all().subspan(FirstEndingAfter(offset))) {
    if (extent.offset > position) break;
    position = End(extent);
  }
  return std::min(size, position);
}

void RangeSet::Add(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  uint64_t begin = offset;
  uint64_t end = EndOf(offset, length);
  // The ranges that overlap or touch the new one become part of it.
  const auto first = std::partition_point(
      ranges_.begin(), ranges_.end(), [begin](const Range& range) {
        return range.offset + range.length < begin;
      });
  auto last = first;
  for (; last != ranges_.end() && last->offset <= end; ++last) {
    begin = std::min(begin, last->offset);
    end = std::max(end, last->offset + last->length);
  }
  const Range merged = {.offset = begin, .length = end - begin};
  if (first == last) {
    ranges_.insert(first, merged);
  } else {
    *first = merged;
    ranges_.erase(first + 1, last);
  }
}

}  // namespace driveroot
