// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetch_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace driveroot {
namespace {

constexpr std::array kHighestFirst = {
    FetchPriority::kReader, FetchPriority::kReadAhead, FetchPriority::kStream};

}  // namespace

uint64_t FetchJob::end() const {
  uint64_t end = 0;
  for (const StoredFrame& frame : frames) {
    end = std::max(end, frame.object_offset + frame.stored_length);
  }
  return end;
}

std::shared_ptr<FetchJob> FetchQueue::Push(FetchJob job, uint64_t max_bytes) {
  auto& queue = waiting_[static_cast<size_t>(job.priority)];
  if (!queue.empty()) {
    FetchJob& last = *queue.back();
    if (last.object == job.object && last.reader == job.reader &&
        job.begin() == last.end() && job.end() - last.begin() <= max_bytes) {
      last.frames.insert(last.frames.end(), job.frames.begin(),
                         job.frames.end());
      return queue.back();
    }
  }
  return queue.emplace_back(std::make_shared<FetchJob>(std::move(job)));
}

bool FetchQueue::MayStart(FetchPriority priority) const {
  switch (priority) {
    case FetchPriority::kReader:
      return true;
    case FetchPriority::kReadAhead:
      return running(priority) < limits_.read_ahead &&
             BytesToCome(priority) <= limits_.read_ahead_bytes;
    case FetchPriority::kStream:
      return running(FetchPriority::kReader) == 0 &&
             (running(priority) == 0 ||
              BytesToCome(priority) <= limits_.stream_overlap_bytes);
  }
  return false;
}

uint64_t FetchQueue::BytesToCome(FetchPriority priority) const {
  uint64_t bytes = 0;
  for (const auto& job : under_way_) {
    if (job->priority != priority) continue;
    const uint64_t length = job->end() - job->begin();
    bytes += length - std::min(job->received, length);
  }
  return bytes;
}

std::shared_ptr<FetchJob> FetchQueue::Pop() {
  for (const FetchPriority priority : kHighestFirst) {
    auto& queue = waiting_[static_cast<size_t>(priority)];
    if (queue.empty() || !MayStart(priority)) continue;
    std::shared_ptr<FetchJob> job = std::move(queue.front());
    queue.pop_front();
    job->running = true;
    ++running_[static_cast<size_t>(priority)];
    under_way_.push_back(job);
    return job;
  }
  return nullptr;
}

void FetchQueue::Done(const FetchJob& job) {
  --running_[static_cast<size_t>(job.priority)];
  std::erase_if(under_way_,
                [&job](const auto& other) { return other.get() == &job; });
}

void FetchQueue::Remove(const std::shared_ptr<FetchJob>& job) {
  std::erase(waiting_[static_cast<size_t>(job->priority)], job);
}

std::vector<std::shared_ptr<FetchJob>> FetchQueue::JobsOf(
    uint64_t reader) const {
  std::vector<std::shared_ptr<FetchJob>> jobs;
  const auto is_his = [reader](const auto& job) {
    return job->reader == reader;
  };
  std::ranges::copy_if(under_way_, std::back_inserter(jobs), is_his);
  for (const auto& queue : waiting_) {
    std::ranges::copy_if(queue, std::back_inserter(jobs), is_his);
  }
  return jobs;
}

size_t FetchQueue::waiting() const {
  size_t count = 0;
  for (const auto& queue : waiting_) count += queue.size();
  return count;
}

}  // namespace driveroot
