// SPDX-License-Identifier: Apache-2.0
//
// ReferenceCounts: how often each inode is held by somebody, e.g. by the
// kernel's inode cache, which may hold millions. Inode numbers that are used at
// the same time mostly lie close together, so counts are kept in pages of
// neighbours. Thread-safe.
#ifndef DRIVEROOT_FS_REFERENCE_COUNTS_H_
#define DRIVEROOT_FS_REFERENCE_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "driveroot/volume/delta.h"

namespace driveroot {

class ReferenceCounts {
 public:
  void Add(InodeNumber number) {
    std::lock_guard lock(mutex_);
    Page& page = pages_[number / kPageInodes];
    uint32_t& count = page.counts[number % kPageInodes];
    if (count == 0) ++page.held;
    // A count that has grown to its limit stays there: the inode then lives
    // until the end of the mount.
    if (count < UINT32_MAX) ++count;
  }

  // Returns whether the last reference went; dropping more than there are
  // counts as dropping all.
  bool Drop(InodeNumber number, uint64_t drops) {
    std::lock_guard lock(mutex_);
    const auto found = pages_.find(number / kPageInodes);
    if (found == pages_.end()) return false;
    Page& page = found->second;
    uint32_t& count = page.counts[number % kPageInodes];
    if (count == 0 || count == UINT32_MAX) return false;
    if (count > drops) {
      count -= static_cast<uint32_t>(drops);
      return false;
    }
    count = 0;
    if (--page.held == 0) pages_.erase(found);
    return true;
  }

  bool Has(InodeNumber number) const {
    std::lock_guard lock(mutex_);
    const auto found = pages_.find(number / kPageInodes);
    return found != pages_.end() &&
           found->second.counts[number % kPageInodes] > 0;
  }

 private:
  // Few enough that a page with a single count wastes little.
  static constexpr size_t kPageInodes = 16;

  struct Page {
    std::array<uint32_t, kPageInodes> counts = {};
    uint32_t held = 0;  // counts that are not 0
  };

  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Page> pages_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_REFERENCE_COUNTS_H_
