// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/extent_array.h"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

#include "glog/logging.h"

namespace driveroot {

static_assert(std::is_trivially_copyable_v<Extent> &&
              std::is_trivially_destructible_v<Extent>);

ExtentArray::BlockPointer ExtentArray::Allocate(size_t capacity) {
  void* memory = std::malloc(sizeof(Block) + capacity * sizeof(Extent));
  CHECK(memory != nullptr) << "out of memory";
  BlockPointer block(new (memory)
                         Block{.covered_bytes = 0,
                               .size = 0,
                               .capacity = static_cast<uint32_t>(capacity)});
  std::uninitialized_value_construct_n(First(block.get()), capacity);
  return block;
}

void ExtentArray::Splice(size_t first, size_t last,
                         std::span<const Extent> extents) {
  const size_t old_size = size();
  const size_t new_size = old_size - (last - first) + extents.size();
  if (new_size == 0) {
    block_.reset();
    return;
  }
  uint64_t covered = covered_bytes();
  for (const Extent& extent : view().subspan(first, last - first)) {
    covered -= extent.length;
  }
  for (const Extent& extent : extents) covered += extent.length;
  if (block_ == nullptr || new_size > block_->capacity) {
    // The first extent is often the only one; a file that grows goes on.
    const size_t more = block_ == nullptr ? 0 : old_size / 2 + 1;
    BlockPointer larger = Allocate(std::max(new_size, old_size + more));
    const std::span<const Extent> old = view();
    std::ranges::copy(old.first(first), First(larger.get()));
    std::ranges::copy(old.subspan(last),
                      First(larger.get()) + first + extents.size());
    block_ = std::move(larger);
  } else {
    Extent* const all = First(block_.get());
    if (extents.size() <= last - first) {
      std::copy(all + last, all + old_size, all + first + extents.size());
    } else {
      std::copy_backward(all + last, all + old_size, all + new_size);
    }
  }
  std::ranges::copy(extents, First(block_.get()) + first);
  block_->size = static_cast<uint32_t>(new_size);
  block_->covered_bytes = covered;
}

void ExtentArray::Join(size_t index) {
  Extent* const all = First(block_.get());
  all[index - 1].length += all[index].length;
  std::copy(all + index + 1, all + block_->size, all + index);
  --block_->size;
}

}  // namespace driveroot
