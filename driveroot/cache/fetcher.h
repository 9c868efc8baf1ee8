// SPDX-License-Identifier: Apache-2.0
//
// Fetcher: stored frames, by way of the cache. A frame that is missing is
// fetched together with its neighbours in the same object, since what lies side
// by side was written together and is mostly read together, and since a request
// costs as much as some megabytes of transfer. Each frame is in flight once,
// however many ask for it. All bytes are checked against their hash.
//
// Thread-safe. A few threads of its own talk to the store.
#ifndef DRIVEROOT_CACHE_FETCHER_H_
#define DRIVEROOT_CACHE_FETCHER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

// What the fetcher asks of the metadata. Thread-safe.
class FrameIndex {
 public:
  virtual ~FrameIndex() = default;

  // Empty when there is no such object.
  virtual ObjectId FindObjectId(ObjectNumber object) const = 0;

  // Live frames that begin in bytes [begin, end) of `object`, by offset.
  virtual std::vector<StoredFrame> FramesOf(ObjectNumber object, uint64_t begin,
                                            uint64_t end) const = 0;
};

struct FetcherOptions {
  int threads = 8;
  // What is fetched at once: the least, and the most when an object is read
  // from one end to the other. A round trip to Drive takes about as long as
  // 2.5 MB on a 100 Mbit/s link.
  uint64_t min_window_bytes = 1 << 20;
  uint64_t max_window_bytes = 8 << 20;
};

struct FetcherCounters {
  uint64_t fetches = 0;  // requests to the store
  uint64_t bytes_fetched = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
};

class Fetcher {
 public:
  // All of them outlive the fetcher.
  Fetcher(ObjectStore& store, const FrameIndex& index, FrameCache& cache,
          const FetcherOptions& options = {});
  ~Fetcher();

  // The bytes of all `frames`, in their order.
  //
  // kDataLoss: bytes do not match their hash, even when fetched again. Else the
  // errors of ObjectStore::Read. kCancelled: the fetcher is being destroyed.
  Result<std::vector<FrameBytes>> Fetch(std::span<const StoredFrame> frames);

  // Fetches without waiting. Does nothing when there is much to do already.
  void Prefetch(std::span<const StoredFrame> frames);

  FetcherCounters counters() const;

 private:
  // A frame that is being fetched.
  struct Pending {
    bool done = false;
    FrameBytes bytes;            // null when it failed
    std::optional<Error> error;  // why
  };

  // One request: frames of one object, by offset, that lie close together.
  struct Job {
    ObjectNumber object = 0;
    std::vector<StoredFrame> frames;
    FrameNumber wanted = 0;  // decoded first
  };

  // Where the next frame lies when an object is read in order.
  struct Stream {
    uint64_t next_offset = 0;
    uint64_t window = 0;
  };

  // Makes sure that `frame` is being fetched. `mutex_` is held through `lock`,
  // and let go for a while.
  std::shared_ptr<Pending> Start(const StoredFrame& frame,
                                 std::unique_lock<std::mutex>& lock);
  // The bytes around `frame` that are worth fetching with it.
  std::pair<uint64_t, uint64_t> Window(const StoredFrame& frame);
  void Run();
  void Work(const Job& job);
  Result<FrameBytes> Verify(const Job& job, const StoredFrame& frame,
                            const Result<std::string>& range);
  Result<std::string> ReadRange(const Job& job, uint64_t offset,
                                uint64_t length);
  void Finish(FrameNumber number, Result<FrameBytes> bytes);

  ObjectStore& store_;
  const FrameIndex& index_;
  FrameCache& cache_;
  const FetcherOptions options_;

  mutable std::mutex mutex_;       // guards what is below
  std::condition_variable work_;   // jobs_ or stop_ changed
  std::condition_variable ready_;  // a Pending is done
  bool stop_ = false;
  std::deque<Job> jobs_;
  std::unordered_map<FrameNumber, std::shared_ptr<Pending>> pending_;
  std::map<ObjectNumber, Stream> streams_;
  FetcherCounters counters_;

  std::vector<std::jthread> threads_;  // last: they use all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_FETCHER_H_
