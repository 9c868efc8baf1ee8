// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/space.h"

#include <algorithm>
#include <utility>

namespace driveroot {

SpaceInfo SpaceMonitor::Get() {
  SpaceInfo info;
  uint64_t unstored = 0;
  {
    const Volume::ReadLock metadata = volume_->Read();
    info.inodes = metadata->inode_count();
    unstored = metadata->unstored_bytes();
  }
  const bool is_full = volume_->StoreIsFull();
  std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  // While a machine boots, the store has better things to answer.
  const bool is_booting = volume_->BootTraceIdle().has_value();
  // What it said last is out of date.
  if (std::exchange(was_full_, is_full) != is_full) next_question_ = now;
  if (!asking_ && now >= next_question_ && !is_booting) {
    asking_ = true;
    next_question_ =
        now + (is_full ? kRefreshIntervalWhenFull : kRefreshInterval);
    // An earlier thread has finished: it was it that cleared asking_.
    thread_ = std::jthread([this] { Ask(); });
  }
  info.total_bytes = total_;
  info.free_bytes = is_full ? 0 : total_ - std::min(used_ + unstored, total_);
  return info;
}

void SpaceMonitor::Ask() {
  const Result<StoreSpace> space = volume_->Space();
  std::lock_guard lock(mutex_);
  asking_ = false;
  if (!space) return;
  used_ = space->used;
  total_ = space->total.value_or(used_ + kPlenty);
}

}  // namespace driveroot
