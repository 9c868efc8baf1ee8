// SPDX-License-Identifier: Apache-2.0
//
// ExtentMap: which frame holds each byte of a file. RangeSet: which bytes of a
// file changed. Both keep their parts sorted and apart. Values; not
// thread-safe.
#ifndef DRIVEROOT_VOLUME_EXTENT_MAP_H_
#define DRIVEROOT_VOLUME_EXTENT_MAP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "driveroot/volume/delta.h"
#include "driveroot/volume/extent_array.h"

namespace driveroot {

class ExtentMap {
 public:
  // Valid until the next change.
  std::span<const Extent> all() const { return extents_.view(); }
  bool empty() const { return extents_.size() == 0; }

  // The parts of extents that lie in [offset, offset + length), ascending.
  std::vector<Extent> Slice(uint64_t offset, uint64_t length) const;

  // How many extents lie in that range, wholly or in part. Takes no time.
  uint64_t CountIn(uint64_t offset, uint64_t length) const;

  // Replaces what covers [offset, offset + length) by `extents`, which lie in
  // that range, ascending and apart. Returns what was there, cut to the range.
  // Neighbours that continue each other in file and frame become one.
  std::vector<Extent> Replace(uint64_t offset, uint64_t length,
                              std::span<const Extent> extents);

  // The first byte at or after `offset` that is data, or that is none; as
  // lseek(2) with SEEK_DATA and SEEK_HOLE sees it. `size` is the file's size.
  // Returns `size` when there is none before it.
  uint64_t NextData(uint64_t offset, uint64_t size) const;
  uint64_t NextHole(uint64_t offset, uint64_t size) const;

  // Bytes that extents cover. Takes no time: stat(2) asks for it.
  uint64_t CoveredBytes() const { return extents_.covered_bytes(); }

 private:
  // Index of the first extent that ends after `offset`.
  size_t FirstEndingAfter(uint64_t offset) const;
  // Joins extents_[index - 1] and extents_[index] when they continue each
  // other.
  void JoinAt(size_t index);

  ExtentArray extents_;
};

// A set of bytes, as ranges that neither overlap nor touch.
class RangeSet {
 public:
  struct Range {
    uint64_t offset = 0;
    uint64_t length = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };

  void Add(uint64_t offset, uint64_t length);
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_EXTENT_MAP_H_
