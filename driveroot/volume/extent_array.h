// SPDX-License-Identifier: Apache-2.0
//
// ExtentArray: extents one after the other, with how many bytes they cover, in
// one block of memory and one pointer to it. A std::vector and a counter would
// take 32 bytes in each of millions of inodes, of which most have one extent or
// none. A value; not thread-safe.
#ifndef DRIVEROOT_VOLUME_EXTENT_ARRAY_H_
#define DRIVEROOT_VOLUME_EXTENT_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "driveroot/volume/delta.h"

namespace driveroot {

class ExtentArray {
 public:
  ExtentArray() = default;
  ExtentArray(ExtentArray&&) = default;
  ExtentArray& operator=(ExtentArray&&) = default;

  std::span<const Extent> view() const {
    if (block_ == nullptr) return {};
    return {First(block_.get()), block_->size};
  }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  uint64_t covered_bytes() const {
    return block_ == nullptr ? 0 : block_->covered_bytes;
  }

  // Precondition: index < size().
  Extent& operator[](size_t index) { return First(block_.get())[index]; }

  // Puts `extents` in the place of those from `first` up to `last`. `extents`
  // lies outside of this.
  void Splice(size_t first, size_t last, std::span<const Extent> extents);

  // Makes the extent before `index` longer by that at `index`, which goes.
  void Join(size_t index);

 private:
  // Followed by its extents.
  struct Block {
    uint64_t covered_bytes;
    uint32_t size;
    uint32_t capacity;
  };
  struct Free {
    void operator()(Block* block) const { std::free(block); }
  };
  using BlockPointer = std::unique_ptr<Block, Free>;

  static Extent* First(Block* block) {
    return reinterpret_cast<Extent*>(block + 1);
  }
  static BlockPointer Allocate(size_t capacity);

  BlockPointer block_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_EXTENT_ARRAY_H_
