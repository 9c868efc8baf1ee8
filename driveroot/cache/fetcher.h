// SPDX-License-Identifier: Apache-2.0
//
// Fetcher: stored frames, by way of the cache, in as few requests as possible
// and with the link never idle while there is something to fetch.
//
// - A frame that is missing is fetched together with its neighbours in the same
//   object, since what lies side by side was written together and is mostly
//   read together, and since a request costs as much as some megabytes of
//   transfer. Each frame is in flight once, however many ask for it.
// - Frames are handed out one by one while a range arrives, not at its end.
// - Objects that are read in order are read ahead.
// - Who waits comes first (fetch_queue.h).
//
// All bytes are checked against their hash.
//
// Thread-safe. Threads of its own talk to the store.
#ifndef DRIVEROOT_CACHE_FETCHER_H_
#define DRIVEROOT_CACHE_FETCHER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/fetch_plan.h"
#include "driveroot/cache/fetch_queue.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/cache/read_ahead.h"
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
  // Requests under way at once; what `limits` leaves is for those who wait.
  int threads = 16;
  FetchLimits limits = {};
  // What is fetched at once: the least, and the most when an object is read
  // from one end to the other. A round trip to Drive takes about as long as
  // 2.9 MB on a 100 Mbit/s link.
  uint64_t min_window_bytes = 1 << 20;
  uint64_t max_window_bytes = 8 << 20;
  // Whether objects that are read in order are read ahead. False: whoever reads
  // has said with FetchAhead what comes, and nothing cuts that up.
  bool read_ahead = true;
};

struct FetcherCounters {
  uint64_t fetches = 0;  // requests to the store
  uint64_t bytes_fetched = 0;
  uint64_t bytes_used = 0;  // of these, of frames that somebody asked for
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t waits = 0;  // calls that waited for the store
  uint64_t wait_milliseconds = 0;
  uint64_t cancelled = 0;  // requests that nobody wanted any more
};

class Fetcher {
 public:
  // All of them outlive the fetcher.
  Fetcher(ObjectStore& store, const FrameIndex& index, FrameCache& cache,
          const FetcherOptions& options = {});
  ~Fetcher();

  // The bytes of all `frames`, in their order. `ahead` are frames that `reader`
  // (a file's number; 0: nobody in particular) will ask for next: they are
  // fetched, too, and not waited for.
  //
  // kDataLoss: bytes do not match their hash, even when fetched again. Else the
  // errors of ObjectStore::Read. kCancelled: the fetcher is being destroyed.
  Result<std::vector<FrameBytes>> Fetch(std::span<const StoredFrame> frames,
                                        std::span<const StoredFrame> ahead = {},
                                        uint64_t reader = 0);

  // Fetch for threads that must not wait. The result if all `frames` are in the
  // cache; `done` is not called then. Else nullopt: `done` is called once, from
  // any thread and without locks, perhaps before this returns, and must not
  // wait. `ret_ticket`, when given, is for Cancel.
  using Done = std::function<void(Result<std::vector<FrameBytes>>)>;
  using Ticket = uint64_t;
  std::optional<Result<std::vector<FrameBytes>>> FetchThen(
      std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
      uint64_t reader, Done done, Ticket* ret_ticket = nullptr);

  // Nobody waits for that result any more: `done` is not called, unless a call
  // is under way already, and what only it wanted is not fetched.
  void Cancel(Ticket ticket);

  // Has `frames` fetched, as `ahead` of Fetch, before they are asked for.
  void FetchAhead(std::span<const StoredFrame> frames);

  // Fills the cache in the background with frames in the order in which they
  // will be asked for, while nobody waits for others. `planned` is told of the
  // requests before any of them is made, and must not take a lock that is held
  // while the fetcher is called.
  void Stream(
      std::span<const StoredFrame> frames,
      const std::function<void(std::span<const FetchJob>)>& planned = nullptr);

  // The requests that Stream() makes when nothing is in the cache, in their
  // order.
  static std::vector<FetchJob> PlanStream(std::span<const StoredFrame> frames,
                                          const FetcherOptions& options);

  // `reader` goes on elsewhere: what is fetched ahead for it, and nobody waits
  // for, is given up.
  void CancelReadAhead(uint64_t reader);

  // From now on the frames that are asked for are noted, in the order of their
  // first use, up to `max_bytes` stored bytes of them. TakeTrace() ends it.
  void StartTrace(uint64_t max_bytes);
  std::vector<FrameNumber> TakeTrace();
  // How long ago a frame was noted last, or the trace began; nothing when there
  // is no trace.
  std::optional<std::chrono::milliseconds> TraceIdle() const;

  FetcherCounters counters() const;

 private:
  // A call that waits for frames.
  struct Waiter {
    Ticket ticket = 0;
    std::vector<StoredFrame> frames;
    std::vector<FrameBytes> result;
    // Frames to come, and one as long as its call is joining them.
    size_t missing = 1;
    std::optional<Error> error;  // of one of them
    Done done;
    std::chrono::steady_clock::time_point start;
  };
  // A place in the result of a waiter.
  struct Seat {
    std::shared_ptr<Waiter> waiter;
    size_t index = 0;
  };
  // A frame that is to be fetched or on its way.
  struct Pending {
    std::shared_ptr<FetchJob> job;
    std::vector<Seat> seats;  // of those who wait for it
  };
  // A part of an object whose live frames are worth fetching.
  struct Window {
    ObjectNumber object = 0;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  // Where `frames` lie; what is close together counts as one.
  static std::vector<Window> RunsOf(std::span<const StoredFrame> frames);

  // All of these want mutex_ held; those that are given the lock may let it go
  // meanwhile.

  // Those of `frames` that are neither in the cache nor on their way.
  std::vector<StoredFrame> Missing(std::span<const StoredFrame> frames) const;
  // Its bytes if they are in the cache; counts and notes the use.
  FrameBytes Look(const StoredFrame& frame);
  void NoteUse(const StoredFrame& frame);
  // Has each of `frames` in the cache or pending when it returns.
  void Start(std::span<const StoredFrame> missing,
             std::span<const StoredFrame> ahead,
             const std::vector<Window>& windows, uint64_t reader,
             std::unique_lock<std::mutex>& lock);
  // What the way `frames` are read says about what comes next.
  std::vector<Window> WindowsAfter(std::span<const StoredFrame> frames,
                                   bool missed);
  void Enqueue(FetchJob job);
  // `seat` waits for `frame` from now on; false: it is not on its way.
  bool Join(const StoredFrame& frame, Seat seat);
  void Promote(const std::shared_ptr<FetchJob>& job, const StoredFrame& frame);
  // One frame less is missing; true: that was the last one.
  bool Arrived(Waiter& waiter);
  // What a waiter for which nothing is missing any more gets.
  static Result<std::vector<FrameBytes>> ResultOf(Waiter& waiter);
  bool SomebodyWaitsFor(const FetchJob& job) const;
  // Takes a job out of the queue that nobody wants any more.
  void Drop(const std::shared_ptr<FetchJob>& job);

  // These take the lock themselves.
  void Run();
  void Work(FetchJob& job);
  void Finish(const FetchJob& job, FrameNumber number,
              Result<FrameBytes> bytes);

  ObjectStore& store_;
  const FrameIndex& index_;
  FrameCache& cache_;
  const FetcherOptions options_;

  mutable std::mutex mutex_;      // guards what is below
  std::condition_variable work_;  // queue_ or stop_ changed
  bool stop_ = false;
  FetchQueue queue_;
  Ticket last_ticket_ = 0;
  std::unordered_map<Ticket, std::shared_ptr<Waiter>> waiters_;
  std::unordered_map<FrameNumber, Pending> pending_;
  ReadAheadPolicy object_read_ahead_;
  FetcherCounters counters_;
  bool tracing_ = false;
  uint64_t trace_room_ = 0;  // bytes that may be noted still
  std::chrono::steady_clock::time_point traced_last_;
  std::vector<FrameNumber> trace_;
  std::unordered_set<FrameNumber> traced_;

  std::vector<std::jthread> threads_;  // last: they use all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_FETCHER_H_
