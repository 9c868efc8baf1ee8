// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetcher.h"

#include <algorithm>
#include <chrono>
#include <future>
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
  std::unordered_map<Ticket, std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    waiters.swap(waiters_);
    pending_.clear();
  }
  work_.notify_all();
  for (const auto& [ticket, waiter] : waiters) {
    waiter->done(Fail(ErrorCode::kCancelled, "the volume was closed"));
  }
}

Result<std::vector<FrameBytes>> Fetcher::Fetch(
    std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
    uint64_t reader) {
  auto done = std::make_shared<std::promise<Result<std::vector<FrameBytes>>>>();
  std::future<Result<std::vector<FrameBytes>>> later = done->get_future();
  auto now = FetchThen(frames, ahead, reader,
                       [done](Result<std::vector<FrameBytes>> result) {
                         done->set_value(std::move(result));
                       });
  return now ? *std::move(now) : later.get();
}

std::optional<Result<std::vector<FrameBytes>>> Fetcher::FetchThen(
    std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
    uint64_t reader, Done done, Ticket* ret_ticket) {
  std::vector<FrameBytes> result(frames.size());
  std::vector<StoredFrame> missing;
  std::unique_lock lock(mutex_);
  bool complete = true;
  for (size_t i = 0; i < frames.size(); ++i) {
    result[i] = Look(frames[i]);
    if (result[i] != nullptr) continue;
    complete = false;
    if (!pending_.contains(frames[i].number)) missing.push_back(frames[i]);
  }
  std::vector<Window> windows = WindowsAfter(frames, !missing.empty());
  if (queue_.waiting() >= kMaxWaitingJobs) {
    ahead = {};
    windows.clear();
  }
  if (!missing.empty() || !ahead.empty() || !windows.empty()) {
    Start(missing, ahead, windows, reader, lock);
  }
  if (complete) return result;

  const auto waiter = std::make_shared<Waiter>();
  waiter->ticket = ++last_ticket_;
  waiter->frames.assign(frames.begin(), frames.end());
  waiter->result = std::move(result);
  waiter->done = std::move(done);
  waiter->start = std::chrono::steady_clock::now();
  if (ret_ticket != nullptr) *ret_ticket = waiter->ticket;
  for (size_t i = 0; i < frames.size() && !stop_; ++i) {
    if (waiter->result[i] != nullptr) continue;
    // It may have come, and even be gone again, while the lock was let go.
    while (!Join(frames[i], {.waiter = waiter, .index = i})) {
      waiter->result[i] = cache_.Find(frames[i].number);
      if (waiter->result[i] != nullptr || stop_) break;
      Start({&frames[i], 1}, {}, {}, reader, lock);
    }
  }
  if (stop_) return Fail(ErrorCode::kCancelled, "the volume was closed");
  if (--waiter->missing == 0) return ResultOf(*waiter);
  waiters_.emplace(waiter->ticket, waiter);
  return std::nullopt;
}

void Fetcher::Cancel(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  const auto node = waiters_.extract(ticket);
  if (node.empty()) return;
  const std::shared_ptr<Waiter>& waiter = node.mapped();
  for (const StoredFrame& frame : waiter->frames) {
    const auto found = pending_.find(frame.number);
    if (found == pending_.end()) continue;
    Pending& pending = found->second;
    std::erase_if(pending.seats, [&waiter](const Seat& seat) {
      return seat.waiter == waiter;
    });
    const std::shared_ptr<FetchJob> job = pending.job;
    // What is under way already is kept: somebody may ask for it again.
    if (job->running || SomebodyWaitsFor(*job)) continue;
    Drop(job);
  }
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
  for (const StoredFrame& frame : frames) pending_[frame.number].job = queued;
  work_.notify_one();
}

bool Fetcher::Join(const StoredFrame& frame, Seat seat) {
  const auto found = pending_.find(frame.number);
  if (found == pending_.end()) return false;
  ++seat.waiter->missing;
  found->second.seats.push_back(std::move(seat));
  const std::shared_ptr<FetchJob> job = found->second.job;
  if (!job->running && job->priority != FetchPriority::kReader) {
    Promote(job, frame);
  }
  return true;
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

bool Fetcher::Arrived(Waiter& waiter) {
  if (--waiter.missing > 0) return false;
  // A call that is joining frames still takes its result itself.
  if (waiters_.erase(waiter.ticket) == 0) return false;
  ++counters_.waits;
  counters_.wait_milliseconds += static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - waiter.start)
          .count());
  return true;
}

Result<std::vector<FrameBytes>> Fetcher::ResultOf(Waiter& waiter) {
  if (waiter.error) return std::unexpected(*std::move(waiter.error));
  return std::move(waiter.result);
}

bool Fetcher::SomebodyWaitsFor(const FetchJob& job) const {
  return std::ranges::any_of(job.frames, [this](const StoredFrame& frame) {
    const auto found = pending_.find(frame.number);
    return found != pending_.end() && !found->second.seats.empty();
  });
}

void Fetcher::Drop(const std::shared_ptr<FetchJob>& job) {
  job->cancelled = true;
  if (!job->running) queue_.Remove(job);
  for (const StoredFrame& frame : job->frames) {
    const auto found = pending_.find(frame.number);
    if (found != pending_.end() && found->second.job == job) {
      pending_.erase(found);
    }
  }
  ++counters_.cancelled;
}

void Fetcher::CancelReadAhead(uint64_t reader) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<FetchJob>& job : queue_.JobsOf(reader)) {
    if (job->priority == FetchPriority::kReader || SomebodyWaitsFor(*job)) {
      continue;
    }
    Drop(job);
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
  std::vector<std::shared_ptr<Waiter>> complete;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pending_.find(number);
    // Given up, and perhaps another request's by now.
    if (found == pending_.end() || found->second.job.get() != &job) return;
    const std::vector<Seat> seats = std::move(found->second.seats);
    pending_.erase(found);
    for (const Seat& seat : seats) {
      Waiter& waiter = *seat.waiter;
      if (bytes) {
        waiter.result[seat.index] = *bytes;
        bool first_use = false;
        (void)cache_.Find(number, &first_use);
        if (first_use) {
          counters_.bytes_used += waiter.frames[seat.index].stored_length;
        }
      } else {
        waiter.error = bytes.error();
      }
      if (Arrived(waiter)) complete.push_back(seat.waiter);
    }
  }
  for (const std::shared_ptr<Waiter>& waiter : complete) {
    waiter->done(ResultOf(*waiter));
  }
}

}  // namespace driveroot
