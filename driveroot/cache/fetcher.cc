// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "driveroot/volume/segment.h"

namespace driveroot {
namespace {

// Prefetches are dropped while so many requests wait.
constexpr size_t kMaxQueuedPrefetches = 32;

// Bytes between two frames that nobody refers to any more are fetched all the
// same when that saves a request.
constexpr uint64_t kMaxGapBytes = 256 * 1024;

// So many objects are watched for being read in order.
constexpr size_t kMaxStreams = 256;

uint64_t End(const StoredFrame& frame) {
  return frame.object_offset + frame.stored_length;
}

}  // namespace

Fetcher::Fetcher(ObjectStore& store, const FrameIndex& index, FrameCache& cache,
                 const FetcherOptions& options)
    : store_(store), index_(index), cache_(cache), options_(options) {
  for (int i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

Fetcher::~Fetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    for (auto& [number, pending] : pending_) {
      pending->done = true;
      pending->error = Error(ErrorCode::kCancelled, "the volume was closed");
    }
  }
  work_.notify_all();
  ready_.notify_all();
}

std::pair<uint64_t, uint64_t> Fetcher::Window(const StoredFrame& frame) {
  if (streams_.size() >= kMaxStreams && !streams_.contains(frame.object)) {
    streams_.clear();
  }
  Stream& stream = streams_[frame.object];
  const uint64_t offset = frame.object_offset;
  const bool in_order = stream.window > 0 && offset >= stream.next_offset &&
                        offset - stream.next_offset <= stream.window;
  uint64_t begin = offset;
  if (in_order) {
    stream.window = std::min(2 * stream.window, options_.max_window_bytes);
  } else {
    stream.window = options_.min_window_bytes;
    // What lies just before was written just before.
    begin -= std::min(begin, options_.min_window_bytes / 4);
  }
  stream.next_offset = begin + stream.window;
  return {begin, begin + stream.window};
}

std::shared_ptr<Fetcher::Pending> Fetcher::Start(
    const StoredFrame& frame, std::unique_lock<std::mutex>& lock) {
  const auto [begin, end] = Window(frame);
  // The index takes the metadata's lock, and ours must not be held then.
  lock.unlock();
  std::vector<StoredFrame> around = index_.FramesOf(frame.object, begin, end);
  lock.lock();
  if (const auto found = pending_.find(frame.number); found != pending_.end()) {
    return found->second;
  }
  // The frame itself may be gone from the index: its file was overwritten.
  std::erase_if(around, [&](const StoredFrame& other) {
    return other.number == frame.number || pending_.contains(other.number) ||
           cache_.Contains(other.number);
  });
  const auto place = std::ranges::upper_bound(around, frame.object_offset, {},
                                              &StoredFrame::object_offset);
  auto first = around.insert(place, frame);
  auto last = first + 1;
  while (first != around.begin() &&
         first->object_offset <= End(*(first - 1)) + kMaxGapBytes) {
    --first;
  }
  while (last != around.end() &&
         last->object_offset <= End(*(last - 1)) + kMaxGapBytes) {
    ++last;
  }
  Job job{
      .object = frame.object, .frames = {first, last}, .wanted = frame.number};
  for (const StoredFrame& each : job.frames) {
    pending_[each.number] = std::make_shared<Pending>();
  }
  std::shared_ptr<Pending> pending = pending_[frame.number];
  jobs_.push_back(std::move(job));
  work_.notify_one();
  return pending;
}

Result<std::vector<FrameBytes>> Fetcher::Fetch(
    std::span<const StoredFrame> frames) {
  std::vector<FrameBytes> result(frames.size());
  std::vector<std::shared_ptr<Pending>> waiting(frames.size());
  std::unique_lock lock(mutex_);
  for (size_t i = 0; i < frames.size(); ++i) {
    const FrameNumber number = frames[i].number;
    result[i] = cache_.Find(number);
    ++(result[i] == nullptr ? counters_.misses : counters_.hits);
    if (result[i] != nullptr) continue;
    const auto found = pending_.find(number);
    waiting[i] =
        found != pending_.end() ? found->second : Start(frames[i], lock);
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    if (result[i] != nullptr) continue;
    ready_.wait(lock, [&] { return waiting[i]->done || stop_; });
    if (stop_) return Fail(ErrorCode::kCancelled, "the volume was closed");
    if (waiting[i]->error) return std::unexpected(*waiting[i]->error);
    result[i] = waiting[i]->bytes;
  }
  return result;
}

void Fetcher::Prefetch(std::span<const StoredFrame> frames) {
  std::unique_lock lock(mutex_);
  for (const StoredFrame& frame : frames) {
    if (stop_ || jobs_.size() >= kMaxQueuedPrefetches) return;
    if (cache_.Contains(frame.number) || pending_.contains(frame.number)) {
      continue;
    }
    Start(frame, lock);
  }
}

FetcherCounters Fetcher::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void Fetcher::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Work(job);
    lock.lock();
  }
}

void Fetcher::Work(const Job& job) {
  const uint64_t begin = job.frames.front().object_offset;
  uint64_t end = begin;
  for (const StoredFrame& frame : job.frames) end = std::max(end, End(frame));
  const Result<std::string> range = ReadRange(job, begin, end - begin);
  // The one that somebody waits for, then the others.
  for (const bool wanted : {true, false}) {
    for (const StoredFrame& frame : job.frames) {
      if ((frame.number == job.wanted) != wanted) continue;
      Finish(frame.number, Verify(job, frame, range));
    }
  }
}

Result<FrameBytes> Fetcher::Verify(const Job& job, const StoredFrame& frame,
                                   const Result<std::string>& range) {
  if (!range) return std::unexpected(range.error());
  const uint64_t offset =
      frame.object_offset - job.frames.front().object_offset;
  const auto decode = [&frame](std::string_view stored) {
    return DecodeFrame(stored, frame.raw_length, frame.hash);
  };
  Result<std::string> raw =
      decode(offset > range->size() ? std::string_view()
                                    : std::string_view(*range).substr(
                                          offset, frame.stored_length));
  if (!raw) {
    // It may have been damaged on the way only.
    const Result<std::string> again =
        ReadRange(job, frame.object_offset, frame.stored_length);
    if (!again) return std::unexpected(again.error());
    raw = decode(*again);
  }
  if (!raw) {
    return std::unexpected(raw.error().WithContext(
        "frame " + std::to_string(frame.number) + " at byte " +
        std::to_string(frame.object_offset) + " of object " +
        index_.FindObjectId(job.object)));
  }
  return std::make_shared<const std::string>(*std::move(raw));
}

Result<std::string> Fetcher::ReadRange(const Job& job, uint64_t offset,
                                       uint64_t length) {
  const ObjectId id = index_.FindObjectId(job.object);
  if (id.empty()) {
    return Fail(ErrorCode::kInternal,
                "object " + std::to_string(job.object) + " is not known");
  }
  Result<std::string> bytes = store_.Read(id, offset, length);
  const std::lock_guard lock(mutex_);
  ++counters_.fetches;
  if (bytes) {
    counters_.bytes_fetched += bytes->size();
    return bytes;
  }
  if (bytes.error().code() == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kDataLoss,
                "object " + id + " with the data of files is missing");
  }
  return std::unexpected(bytes.error().WithContext("cannot read object " + id));
}

void Fetcher::Finish(FrameNumber number, Result<FrameBytes> bytes) {
  // First into the cache: whoever finds no Pending any more looks there.
  if (bytes) cache_.Insert(number, *bytes);
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;
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
