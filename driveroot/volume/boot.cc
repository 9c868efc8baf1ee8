// SPDX-License-Identifier: Apache-2.0
//
// Volume: what a boot reads.
#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

// A boot that changed a little since its frames were put side by side is not
// worth writing them all again: so many requests more than there have to be,
// and a fourth part of the bytes for nothing.
constexpr uint64_t kMaxMoreRequests = 3;
constexpr uint64_t kMaxWaste = 4;

}  // namespace

bool BootLayout::IsGood() const {
  const uint64_t longest = FetcherOptions().max_window_bytes;
  return requests <= bytes / longest + kMaxMoreRequests &&
         bytes_fetched <= bytes + bytes / kMaxWaste;
}

std::vector<StoredFrame> Volume::BootFrames() const {
  std::vector<StoredFrame> frames;
  const ReadLock metadata = Read();
  uint64_t bytes = 0;
  for (const FrameNumber number : metadata->boot_trace()) {
    const std::optional<StoredFrame> frame = metadata->FindFrame(number);
    if (!frame) continue;
    // More would push out what has not been used yet.
    bytes += frame->raw_length;
    if (bytes > options_.cache_bytes / 2) break;
    frames.push_back(*frame);
  }
  return frames;
}

void Volume::StreamBootTrace() {
  const std::vector<StoredFrame> frames = BootFrames();
  std::map<ObjectNumber, ObjectId> ids;
  {
    const ReadLock metadata = Read();
    for (const StoredFrame& frame : frames) {
      ids.try_emplace(frame.object, metadata->FindObjectId(frame.object));
    }
  }
  fetcher_->Stream(frames, [&](std::span<const FetchJob> jobs) {
    std::vector<ObjectRange> ranges;
    for (const FetchJob& job : jobs) {
      ranges.push_back(
          {ids.at(job.object), job.begin(), job.end() - job.begin()});
    }
    store_->KeepOnly(ranges);
  });
}

BootLayout Volume::GetBootLayout() const {
  const std::vector<StoredFrame> frames = BootFrames();
  BootLayout layout;
  layout.frames = frames.size();
  // Frames of the same content share their place.
  std::set<std::pair<ObjectNumber, uint64_t>> places;
  for (const StoredFrame& frame : frames) {
    if (!places.emplace(frame.object, frame.object_offset).second) continue;
    layout.bytes += frame.stored_length;
  }
  for (const FetchJob& job : Fetcher::PlanStream(frames, FetcherOptions())) {
    ++layout.requests;
    layout.bytes_fetched += job.end() - job.begin();
  }
  return layout;
}

Result<CompactionResult> Volume::OptimizeBoot() {
  if (GetBootLayout().IsGood()) return CompactionResult();
  std::vector<FrameNumber> frames;
  for (const StoredFrame& frame : BootFrames()) frames.push_back(frame.number);
  return Compact(frames);
}

void Volume::StartBootTrace() {
  fetcher_->StartTrace(options_.cache_bytes / 2);
}

std::optional<std::chrono::milliseconds> Volume::BootTraceIdle() const {
  return fetcher_->TraceIdle();
}

Result<bool> Volume::KeepBootTrace() {
  std::vector<FrameNumber> trace = fetcher_->TakeTrace();
  if (trace.empty() || committer_ == nullptr) return false;
  DRIVEROOT_ASSIGN_OR_RETURN(const WriteLock lock, Write());
  const size_t live = static_cast<size_t>(
      std::ranges::count_if(lock->boot_trace(), [&lock](FrameNumber number) {
        return lock->FindFrame(number).has_value();
      }));
  if (trace.size() < live / 2) return false;
  lock->SetBootTrace(std::move(trace));
  return true;
}

}  // namespace driveroot
