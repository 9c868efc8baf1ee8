// SPDX-License-Identifier: Apache-2.0
//
// ReferenceCounts: how often each inode is held by somebody, e.g. by the
// kernel's inode cache. Thread-safe.
#ifndef DRIVEROOT_FS_REFERENCE_COUNTS_H_
#define DRIVEROOT_FS_REFERENCE_COUNTS_H_

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "driveroot/volume/delta.h"

namespace driveroot {

class ReferenceCounts {
 public:
  void Add(InodeNumber number) {
    std::lock_guard lock(mutex_);
    ++counts_[number];
  }

  // Returns whether the last reference went; dropping more than there are
  // counts as dropping all.
  bool Drop(InodeNumber number, uint64_t count) {
    std::lock_guard lock(mutex_);
    auto it = counts_.find(number);
    if (it == counts_.end()) return false;
    if (it->second > count) {
      it->second -= count;
      return false;
    }
    counts_.erase(it);
    return true;
  }

  bool Has(InodeNumber number) const {
    std::lock_guard lock(mutex_);
    return counts_.contains(number);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<InodeNumber, uint64_t> counts_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_REFERENCE_COUNTS_H_
