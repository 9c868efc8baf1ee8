// SPDX-License-Identifier: Apache-2.0
//
// FetchQueue: the requests that wait to be sent to the store, and the rules of
// which goes next. Who waits comes before what is likely to be read soon, and
// that before what fills the cache in the background. Of the latter two only so
// many are under way at once, and none of the background begins while somebody
// waits, so the link is never full of what nobody asked for.
//
// Not thread-safe: Fetcher's lock guards it.
#ifndef DRIVEROOT_CACHE_FETCH_QUEUE_H_
#define DRIVEROOT_CACHE_FETCH_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "driveroot/volume/metadata.h"

namespace driveroot {

// Highest first.
enum class FetchPriority : uint8_t {
  kReader,     // somebody waits
  kReadAhead,  // somebody who reads in order will come to it
  kStream,     // fills the cache in the background
};

// One request: frames of one object, by offset, that lie close together.
struct FetchJob {
  ObjectNumber object = 0;
  FetchPriority priority = FetchPriority::kReader;
  // Who would read it, for cancelling; 0: nobody in particular.
  uint64_t reader = 0;
  std::vector<StoredFrame> frames;
  bool running = false;
  bool cancelled = false;
  uint64_t received = 0;  // bytes

  uint64_t begin() const { return frames.front().object_offset; }
  uint64_t end() const;
};

struct FetchLimits {
  int read_ahead = 6;  // requests under way at once
  // And another one begins only while of these no more bytes are to come. So
  // they do not begin and end all together, with a round trip of nothing
  // between; requests that share the link are no faster for being more.
  uint64_t read_ahead_bytes = UINT64_MAX;
  // Streams follow one another, so that what is needed first comes first: the
  // next one is asked for when of the one before it so many bytes are still to
  // come, which hides the round trip (2.9 MB at 230 ms and 100 Mbit/s).
  uint64_t stream_overlap_bytes = 3 << 20;
};

class FetchQueue {
 public:
  explicit FetchQueue(const FetchLimits& limits) : limits_(limits) {}

  // Appends a job; or puts its frames at the end of the last one of the same
  // kind, when they follow that immediately and the sum is at most `max_bytes`
  // long. Returns the job that has them.
  std::shared_ptr<FetchJob> Push(FetchJob job, uint64_t max_bytes);

  // The one to send now, marked as running; null when none may be sent. Done()
  // ends it.
  std::shared_ptr<FetchJob> Pop();
  void Done(const FetchJob& job);

  // Takes a job out that does not run.
  void Remove(const std::shared_ptr<FetchJob>& job);

  // Jobs that wait or run for `reader`.
  std::vector<std::shared_ptr<FetchJob>> JobsOf(uint64_t reader) const;

  size_t waiting() const;
  int running(FetchPriority priority) const {
    return running_[static_cast<size_t>(priority)];
  }

 private:
  static constexpr size_t kPriorities = 3;

  bool MayStart(FetchPriority priority) const;
  // Bytes to come of what is under way.
  uint64_t BytesToCome(FetchPriority priority) const;

  const FetchLimits limits_;
  std::array<std::deque<std::shared_ptr<FetchJob>>, kPriorities> waiting_;
  std::vector<std::shared_ptr<FetchJob>> under_way_;
  std::array<int, kPriorities> running_ = {};
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_FETCH_QUEUE_H_
