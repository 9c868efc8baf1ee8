// SPDX-License-Identifier: Apache-2.0
//
// ReadAheadPolicy decides what to fetch before it is asked for: as long as a
// file is read in order, a window after the last read, which doubles each time;
// for reads that jump, nothing. Offsets and lengths are bytes. Thread-safe.
#ifndef DRIVEROOT_FS_READ_AHEAD_H_
#define DRIVEROOT_FS_READ_AHEAD_H_

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "driveroot/volume/delta.h"

namespace driveroot {

class ReadAheadPolicy {
 public:
  struct Range {
    uint64_t offset = 0;
    uint64_t length = 0;
  };

  static constexpr uint64_t kFirstWindow = 1 << 20;
  static constexpr uint64_t kLargestWindow = 8 << 20;

  // Told of a read; returns what to fetch besides.
  std::optional<Range> OnRead(InodeNumber number, uint64_t offset,
                              uint64_t length) {
    std::lock_guard lock(mutex_);
    // Forgetting how files were read costs a little speed, memory without
    // bounds costs more.
    if (streams_.size() >= kMaxStreams) streams_.clear();
    Stream& stream = streams_[number];
    const uint64_t end = offset + length;
    // The kernel has several requests of one reader under way, which may arrive
    // in any order.
    const bool in_order =
        offset <= stream.next + kSlack && stream.next <= offset + kSlack;
    if (!in_order) {
      stream = {.next = end, .fetched = end, .window = 0};
      return std::nullopt;
    }
    stream.next = std::max(stream.next, end);
    stream.fetched = std::max(stream.fetched, end);
    if (stream.fetched - stream.next > stream.window / 2) return std::nullopt;
    stream.window = std::clamp(stream.window * 2, kFirstWindow, kLargestWindow);
    const Range range = {stream.fetched,
                         stream.next + stream.window - stream.fetched};
    stream.fetched = range.offset + range.length;
    return range;
  }

 private:
  static constexpr size_t kMaxStreams = 1024;
  static constexpr uint64_t kSlack = 2 << 20;

  struct Stream {
    uint64_t next = 0;     // where a reader in order goes on
    uint64_t fetched = 0;  // up to where data was asked for
    uint64_t window = 0;
  };

  std::mutex mutex_;
  std::unordered_map<InodeNumber, Stream> streams_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_READ_AHEAD_H_
