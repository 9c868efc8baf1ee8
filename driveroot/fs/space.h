// SPDX-License-Identifier: Apache-2.0
//
// SpaceMonitor: how much room the store has, as statfs(2) shows it. The store
// is asked in a thread of its own and seldom, so that asking here never waits
// for the network. Bytes. Thread-safe.
#ifndef DRIVEROOT_FS_SPACE_H_
#define DRIVEROOT_FS_SPACE_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

#include "driveroot/volume/volume.h"

namespace driveroot {

struct SpaceInfo {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
  uint64_t inodes = 0;
};

class SpaceMonitor {
 public:
  // `volume` outlives this.
  explicit SpaceMonitor(Volume* volume) : volume_(volume) {}
  SpaceMonitor(const SpaceMonitor&) = delete;
  SpaceMonitor& operator=(const SpaceMonitor&) = delete;
  // Waits for a question to the store that is under way.
  ~SpaceMonitor() = default;

  // What the store said last, without what is not stored yet; nothing is free
  // while it has no room for that. Before it has said anything, as while a boot
  // is noted (Volume::StartBootTrace), or when its account has no limit: as if
  // there were plenty.
  SpaceInfo Get();

 private:
  // Google counts storage with some delay, so asking more often tells nothing.
  static constexpr std::chrono::seconds kRefreshInterval{60};
  // But somebody is making room.
  static constexpr std::chrono::seconds kRefreshIntervalWhenFull{5};
  static constexpr uint64_t kPlenty = uint64_t{1} << 50;

  void Ask();

  Volume* volume_;
  std::mutex mutex_;
  uint64_t total_ = kPlenty;
  uint64_t used_ = 0;
  bool asking_ = false;
  bool was_full_ = false;
  std::chrono::steady_clock::time_point next_question_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_SPACE_H_
