// SPDX-License-Identifier: Apache-2.0
//
// ReadAheadPolicy decides what to fetch before it is asked for. Whatever is
// read in order, be it a file or an object full of frames, gets a window after
// the last read, which doubles as long as what was fetched is really read;
// reads that jump get nothing. Offsets and lengths are bytes. Thread-safe.
#ifndef DRIVEROOT_CACHE_READ_AHEAD_H_
#define DRIVEROOT_CACHE_READ_AHEAD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace driveroot {

class ReadAheadPolicy {
 public:
  struct Options {
    uint64_t first_window = 1 << 20;
    // Half of it is what is fetched at a time, and must be more than the link
    // carries in a round trip, about 3 MiB at 100 Mbit/s.
    uint64_t largest_window = 16 << 20;
    // How far a read may be from where the last one ended and still count as
    // in order: the kernel has several requests of one reader under way, which
    // may arrive in any order.
    uint64_t slack = 2 << 20;
    // Bytes that come along after a read that jumped, without our saying so.
    uint64_t comes_along = 0;
    // Whether a first read at offset 0 is the beginning of reading in order.
    bool starts_at_zero = true;
  };

  struct Range {
    uint64_t offset = 0;
    uint64_t length = 0;
  };
  struct Advice {
    std::optional<Range> fetch;  // besides what is read
    bool jumped = false;         // what was fetched ahead before is of no use
  };

  explicit ReadAheadPolicy(const Options& options) : options_(options) {}

  // Told of a read of `key`, a file or an object. One that found all it wanted
  // in memory (`missed` is false) never counts as a jump.
  Advice OnRead(uint64_t key, uint64_t offset, uint64_t length,
                bool missed = true) {
    const std::lock_guard lock(mutex_);
    // Forgetting how things were read costs a little speed, memory without
    // bounds costs more.
    if (streams_.size() >= kMaxStreams) streams_.clear();
    const auto [found, is_new] = streams_.try_emplace(key);
    Stream& stream = found->second;
    const uint64_t end = offset + length;
    const bool in_order = is_new ? options_.starts_at_zero && offset == 0
                                 : offset <= stream.next + options_.slack &&
                                       stream.next <= offset + options_.slack;
    if (!in_order) {
      if (!missed && !is_new) return {};
      const bool had_window = stream.window > 0;
      stream = {.next = end,
                .fetched = end + (missed ? options_.comes_along : 0),
                .window = options_.comes_along,
                .read = 0};
      return {.fetch = std::nullopt, .jumped = had_window};
    }
    stream.next = std::max(stream.next, end);
    stream.fetched = std::max(stream.fetched, end);
    stream.read += length;
    if (stream.fetched - stream.next > stream.window / 2 ||
        stream.read < stream.window / 2) {
      return {};
    }
    stream.window = std::clamp(stream.window * 2, options_.first_window,
                               options_.largest_window);
    stream.read = 0;
    const Range range = {
        .offset = stream.fetched,
        .length = stream.next + stream.window - stream.fetched};
    stream.fetched = range.offset + range.length;
    return {.fetch = range};
  }

 private:
  static constexpr size_t kMaxStreams = 1024;

  struct Stream {
    uint64_t next = 0;     // where a reader in order goes on
    uint64_t fetched = 0;  // up to where data was asked for
    uint64_t window = 0;
    uint64_t read = 0;  // since the window was made
  };

  const Options options_;
  std::mutex mutex_;
  std::unordered_map<uint64_t, Stream> streams_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_READ_AHEAD_H_
