// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetcher.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>

#include "driveroot/cache/range_reader.h"

namespace driveroot {
namespace {

// Nothing is read ahead while so many requests wait to be sent.
constexpr size_t kMaxWaitingJobs = 32;

// After so many bytes of a request it is looked whether another may begin: a
// small part of what a link carries in a round trip.
constexpr uint64_t kProgressBytes = 64 * 1024;

uint64_t End(const StoredFrame& frame) {
  return frame.object_offset + frame.stored_length;
}

PlanLimits LimitsOf(const FetcherOptions& options) {
  return {.min_window_bytes = options.min_window_bytes,
          .max_window_bytes = options.max_window_bytes};
}

// Objects are read by many at once, each of whom jumps, so a read must be close
// to the last one and a window well used before more is fetched.
ReadAheadPolicy::Options ObjectPolicy(const FetcherOptions& options) {
  return {.first_window = options.min_window_bytes,
          // The next one is asked for when half of it is used.
          .largest_window = 2 * options.max_window_bytes,
          .slack = kMaxGapBytes,
          .comes_along = options.min_window_bytes,
          .starts_at_zero = false};
}

}  // namespace

Fetcher::Fetcher(ObjectStore& store, const FrameIndex& index, FrameCache& cache,
                 const FetcherOptions& options)
    : store_(store),
      index_(index),
      cache_(cache),
      options_(options),
      queue_(options.limits),
      object_read_ahead_(ObjectPolicy(options)) {
  for (int i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

Fetcher::~Fetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  ready_.notify_all();
}

Result<std::vector<FrameBytes>> Fetcher::Fetch(
    std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
    uint64_t reader) {
  std::vector<FrameBytes> result(frames.size());
  std::vector<StoredFrame> missing;
  std::unique_lock lock(mutex_);
  for (size_t i = 0; i < frames.size(); ++i) {
    result[i] = Look(frames[i]);
    if (result[i] == nullptr && !pending_.contains(frames[i].number)) {
      missing.push_back(frames[i]);
    }
  }
  std::vector<Window> windows = WindowsAfter(frames, !missing.empty());
  if (queue_.waiting() >= kMaxWaitingJobs) {
    ahead = {};
    windows.clear();
  }
  if (!missing.empty() || !ahead.empty() || !windows.empty()) {
    Start(missing, ahead, windows, reader, lock);
  }
  std::vector<std::shared_ptr<Pending>> pending(frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    if (result[i] != nullptr) continue;
    // It may have come, and even be gone again, while the lock was let go.
    while ((pending[i] = Join(frames[i])) == nullptr) {
      if ((result[i] = cache_.Find(frames[i].number)) != nullptr) break;
      Start({&frames[i], 1}, {}, {}, reader, lock);
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(Await(frames, pending, result, lock));
  return result;
}

FrameBytes Fetcher::Look(const StoredFrame& frame) {
  bool first_use = false;
  FrameBytes bytes = cache_.Find(frame.number, &first_use);
  ++(bytes == nullptr ? counters_.misses : counters_.hits);
  if (first_use) counters_.bytes_used += frame.stored_length;
  NoteUse(frame);
  return bytes;
}

void Fetcher::NoteUse(const StoredFrame& frame) {
  if (trace_room_ == 0 || !traced_.insert(frame.number).second) return;
  trace_room_ -= std::min<uint64_t>(trace_room_, frame.stored_length);
  trace_.push_back(frame.number);
  traced_last_ = std::chrono::steady_clock::now();
}

void Fetcher::FetchAhead(std::span<const StoredFrame> frames) {
  std::unique_lock lock(mutex_);
  Start({}, frames, {}, /*reader=*/0, lock);
}

std::vector<Fetcher::Window> Fetcher::RunsOf(
    std::span<const StoredFrame> frames) {
  std::vector<StoredFrame> sorted(frames.begin(), frames.end());
  std::ranges::sort(sorted, {}, [](const StoredFrame& frame) {
    return std::pair(frame.object, frame.object_offset);
  });
  std::vector<Window> runs;
  for (const StoredFrame& frame : sorted) {
    if (runs.empty() || runs.back().object != frame.object ||
        frame.object_offset > runs.back().end + kMaxGapBytes) {
      runs.push_back({frame.object, frame.object_offset, 0});
    }
    runs.back().end = std::max(runs.back().end, End(frame));
  }
  return runs;
}

std::vector<Fetcher::Window> Fetcher::WindowsAfter(
    std::span<const StoredFrame> frames, bool missed) {
  std::vector<Window> windows;
  if (!options_.read_ahead) return windows;
  for (const Window& run : RunsOf(frames)) {
    const auto advice = object_read_ahead_.OnRead(run.object, run.begin,
                                                  run.end - run.begin, missed);
    if (!advice.fetch) continue;
    windows.push_back({.object = run.object,
                       .begin = advice.fetch->offset,
                       .end = advice.fetch->offset + advice.fetch->length});
  }
  return windows;
}

void Fetcher::Start(std::span<const StoredFrame> missing,
                    std::span<const StoredFrame> ahead,
                    const std::vector<Window>& windows, uint64_t reader,
                    std::unique_lock<std::mutex>& lock) {
  // The index takes the metadata's lock, and ours must not be held then.
  lock.unlock();
  std::vector<PlannedFrame> frames;
  for (const StoredFrame& frame : missing) {
    frames.push_back({frame, FetchPriority::kReader});
  }
  const auto add = [&frames](std::span<const StoredFrame> more) {
    for (const StoredFrame& frame : more) {
      frames.push_back({frame, FetchPriority::kReadAhead});
    }
  };
  for (const Window& run : RunsOf(missing)) {
    // What lies just before was written just before.
    const uint64_t before = std::min(run.begin, options_.min_window_bytes / 4);
    add(index_.FramesOf(run.object, run.begin - before,
                        run.end + options_.min_window_bytes));
  }
  for (const Window& window : windows) {
    const auto here = index_.FramesOf(window.object, window.begin, window.end);
    add(here);
    // What was written next lies in the next object.
    const uint64_t end = here.empty() ? window.begin : End(here.back());
    if (window.end - std::min(end, window.end) > kMaxGapBytes) {
      add(index_.FramesOf(window.object + 1, 0, window.end - end));
    }
  }
  add(ahead);
  lock.lock();
  // Those that are missing come first, so it is their mention that counts.
  std::unordered_set<FrameNumber> seen;
  std::erase_if(frames, [&](const PlannedFrame& planned) {
    const FrameNumber number = planned.frame.number;
    return !seen.insert(number).second || pending_.contains(number) ||
           cache_.Contains(number);
  });
  for (FetchJob& job :
       PlanJobs(std::move(frames), LimitsOf(options_), reader)) {
    Enqueue(std::move(job));
  }
}

std::vector<FetchJob> Fetcher::PlanStream(std::span<const StoredFrame> frames,
                                          const FetcherOptions& options) {
  std::unordered_map<FrameNumber, size_t> order;
  std::vector<PlannedFrame> planned;
  for (const StoredFrame& frame : frames) {
    if (!order.try_emplace(frame.number, order.size()).second) continue;
    planned.push_back({frame, FetchPriority::kStream});
  }
  std::vector<FetchJob> jobs =
      PlanJobs(std::move(planned), LimitsOf(options), /*reader=*/0);
  // What is used first comes first.
  std::ranges::stable_sort(jobs, {}, [&order](const FetchJob& job) {
    size_t first = SIZE_MAX;
    for (const StoredFrame& frame : job.frames) {
      first = std::min(first, order.at(frame.number));
    }
    return first;
  });
  return jobs;
}

std::vector<StoredFrame> Fetcher::Missing(
    std::span<const StoredFrame> frames) const {
  std::vector<StoredFrame> missing;
  std::ranges::copy_if(frames, std::back_inserter(missing),
                       [this](const StoredFrame& frame) {
                         return !pending_.contains(frame.number) &&
                                !cache_.Contains(frame.number);
                       });
  return missing;
}

void Fetcher::Stream(
    std::span<const StoredFrame> frames,
    const std::function<void(std::span<const FetchJob>)>& planned) {
  const std::lock_guard lock(mutex_);
  std::vector<FetchJob> jobs = PlanStream(Missing(frames), options_);
  if (planned != nullptr) planned(jobs);
  for (FetchJob& job : jobs) Enqueue(std::move(job));
}

void Fetcher::Enqueue(FetchJob job) {
  const std::vector<StoredFrame> frames = job.frames;
  const std::shared_ptr<FetchJob> queued =
      queue_.Push(std::move(job), options_.max_window_bytes);
  for (const StoredFrame& frame : frames) {
    std::shared_ptr<Pending>& pending = pending_[frame.number];
    if (pending == nullptr) pending = std::make_shared<Pending>();
    pending->job = queued;
  }
  work_.notify_one();
}

std::shared_ptr<Fetcher::Pending> Fetcher::Join(const StoredFrame& frame) {
  const auto found = pending_.find(frame.number);
  if (found == pending_.end()) return nullptr;
  const std::shared_ptr<Pending> pending = found->second;
  ++pending->waiting;
  if (!pending->job->running &&
      pending->job->priority != FetchPriority::kReader) {
    Promote(pending->job, frame);
  }
  return pending;
}

void Fetcher::Promote(const std::shared_ptr<FetchJob>& job,
                      const StoredFrame& frame) {
  queue_.Remove(job);
  FetchJob now = *job;
  now.priority = FetchPriority::kReader;
  // What comes after it holds nobody up, but what comes before it does; unless
  // that was planned, since then it is wanted next.
  FetchJob before = *job;
  before.frames.clear();
  if (options_.read_ahead &&
      frame.object_offset >= job->begin() + options_.min_window_bytes / 4) {
    const auto wanted = std::ranges::lower_bound(
        now.frames, frame.object_offset, {}, &StoredFrame::object_offset);
    before.frames.assign(now.frames.begin(), wanted);
    now.frames.erase(now.frames.begin(), wanted);
  }
  Enqueue(std::move(now));
  if (!before.frames.empty()) Enqueue(std::move(before));
}

Status Fetcher::Await(std::span<const StoredFrame> frames,
                      std::span<const std::shared_ptr<Pending>> pending,
                      std::vector<FrameBytes>& result,
                      std::unique_lock<std::mutex>& lock) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  bool waited = false;
  Status status;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (pending[i] == nullptr) continue;
    Pending& each = *pending[i];
    waited = waited || !each.done;
    ready_.wait(lock, [&] { return each.done || stop_; });
    --each.waiting;
    if (!each.done) {
      status = Fail(ErrorCode::kCancelled, "the volume was closed");
    } else if (each.error) {
      status = std::unexpected(*each.error);
    }
    result[i] = each.bytes;
    bool first_use = false;
    (void)cache_.Find(frames[i].number, &first_use);
    if (first_use) counters_.bytes_used += frames[i].stored_length;
  }
  if (waited) {
    ++counters_.waits;
    counters_.wait_milliseconds += static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() -
                                                              start)
            .count());
  }
  return status;
}

void Fetcher::CancelReadAhead(uint64_t reader) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<FetchJob>& job : queue_.JobsOf(reader)) {
    const auto somebody_waits = [this](const StoredFrame& frame) {
      const auto found = pending_.find(frame.number);
      return found != pending_.end() && found->second->waiting > 0;
    };
    if (job->priority == FetchPriority::kReader ||
        std::ranges::any_of(job->frames, somebody_waits)) {
      continue;
    }
    job->cancelled = true;
    if (!job->running) queue_.Remove(job);
    for (const StoredFrame& frame : job->frames) {
      const auto found = pending_.find(frame.number);
      if (found != pending_.end() && found->second->job == job) {
        pending_.erase(found);
      }
    }
    ++counters_.cancelled;
  }
}

void Fetcher::StartTrace(uint64_t max_bytes) {
  const std::lock_guard lock(mutex_);
  tracing_ = true;
  trace_room_ = max_bytes;
  traced_last_ = std::chrono::steady_clock::now();
  trace_.clear();
  traced_.clear();
}

std::vector<FrameNumber> Fetcher::TakeTrace() {
  const std::lock_guard lock(mutex_);
  tracing_ = false;
  trace_room_ = 0;
  traced_.clear();
  return std::exchange(trace_, {});
}

std::optional<std::chrono::milliseconds> Fetcher::TraceIdle() const {
  const std::lock_guard lock(mutex_);
  if (!tracing_) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - traced_last_);
}

FetcherCounters Fetcher::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void Fetcher::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::shared_ptr<FetchJob> job;
    work_.wait(lock, [&] { return stop_ || (job = queue_.Pop()) != nullptr; });
    if (stop_) return;
    lock.unlock();
    Work(*job);
    lock.lock();
    queue_.Done(*job);
    // It may have held others back.
    work_.notify_all();
  }
}

void Fetcher::Work(FetchJob& job) {
  const ObjectId id = index_.FindObjectId(job.object);
  if (id.empty()) {
    for (const StoredFrame& frame : job.frames) {
      Finish(job, frame.number,
             Fail(ErrorCode::kInternal,
                  "object " + std::to_string(job.object) + " is not known"));
    }
    return;
  }
  const RangeReader::Callbacks callbacks = {
      .on_request =
          [this] {
            const std::lock_guard lock(mutex_);
            ++counters_.fetches;
          },
      .on_bytes =
          [this, &job](size_t bytes) {
            const std::lock_guard lock(mutex_);
            counters_.bytes_fetched += bytes;
            const uint64_t before = job.received / kProgressBytes;
            job.received += bytes;
            // The next request may begin before this one ends.
            if (job.received / kProgressBytes > before) work_.notify_one();
            return !stop_ && !job.cancelled;
          },
      .on_frame =
          [this, &job](const StoredFrame& frame, Result<FrameBytes> bytes) {
            Finish(job, frame.number, std::move(bytes));
          }};
  RangeReader(store_, id, job, callbacks).Run();
}

void Fetcher::Finish(const FetchJob& job, FrameNumber number,
                     Result<FrameBytes> bytes) {
  // First into the cache: whoever finds no Pending any more looks there.
  if (bytes) cache_.Insert(number, *bytes, /*used=*/false);
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(number);
  // Given up, and perhaps another request's by now.
  if (found == pending_.end() || found->second->job.get() != &job) return;
  Pending& pending = *found->second;
  pending.done = true;
  if (bytes) {
    pending.bytes = *std::move(bytes);
  } else {
    pending.error = std::move(bytes).error();
  }
  pending_.erase(found);
  ready_.notify_all();
}

}  // namespace driveroot
