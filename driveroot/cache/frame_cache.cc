// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/frame_cache.h"

#include <utility>

namespace driveroot {

FrameBytes FrameCache::Find(FrameNumber number, bool* ret_first_use) {
  const std::lock_guard lock(mutex_);
  const auto found = by_number_.find(number);
  if (found == by_number_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  Entry& entry = *found->second;
  if (ret_first_use != nullptr) *ret_first_use = !entry.used;
  entry.used = true;
  return entry.bytes;
}

bool FrameCache::Contains(FrameNumber number) const {
  const std::lock_guard lock(mutex_);
  return by_number_.contains(number);
}

FrameBytes FrameCache::Peek(FrameNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second->bytes;
}

void FrameCache::Insert(FrameNumber number, FrameBytes bytes, bool used) {
  const std::lock_guard lock(mutex_);
  if (bytes->size() > capacity_ || by_number_.contains(number)) return;
  bytes_ += bytes->size();
  entries_.push_front({number, std::move(bytes), used});
  by_number_[number] = entries_.begin();
  while (bytes_ > capacity_) {
    bytes_ -= entries_.back().bytes->size();
    by_number_.erase(entries_.back().number);
    entries_.pop_back();
  }
}

uint64_t FrameCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace driveroot
