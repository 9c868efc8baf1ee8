// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/frame_copies.h"

#include <algorithm>
#include <memory>
#include <ranges>
#include <span>
#include <unordered_set>
#include <utility>

#include "driveroot/cache/fetcher.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/volume/segment.h"

namespace driveroot {
namespace {

// What a closing checkpoint carries at most, as stored and in memory. A mount
// waits for it: on a link of 100 Mbit/s 84 ms, a third of a request.
constexpr uint64_t kMaxStoredBytes = 1 << 20;
constexpr uint64_t kMaxRawBytes = 8 << 20;

// A part of the boot trace shorter than this lies apart.
constexpr uint64_t kStrayBytes = 512 << 10;

// What is kept of replayed records, as stored.
constexpr uint64_t kMaxReplayedBytes = 4 << 20;

class Chooser {
 public:
  explicit Chooser(const FrameCache& cache) : cache_(cache) {}

  void Add(std::span<const StoredFrame> frames) {
    for (const StoredFrame& frame : frames) {
      if (stored_bytes_ + frame.stored_length > kMaxStoredBytes ||
          raw_bytes_ + frame.raw_length > kMaxRawBytes) {
        continue;
      }
      const FrameBytes bytes = cache_.Peek(frame.number);
      if (bytes == nullptr || !seen_.insert(frame.number).second) continue;
      stored_bytes_ += frame.stored_length;
      raw_bytes_ += frame.raw_length;
      copies_.push_back({frame.number, *bytes});
    }
  }

  std::vector<FrameCopy> Take() {
    std::ranges::sort(copies_, {}, &FrameCopy::number);
    return std::move(copies_);
  }

 private:
  const FrameCache& cache_;
  std::vector<FrameCopy> copies_;
  std::unordered_set<FrameNumber> seen_;
  uint64_t stored_bytes_ = 0;
  uint64_t raw_bytes_ = 0;
};

}  // namespace

std::vector<FrameCopy> ChooseFrameCopies(const Metadata& metadata,
                                         const FrameCache& cache) {
  if (metadata.boot_trace().empty()) return {};
  Chooser chooser(cache);
  const std::vector<ObjectNumber> objects = metadata.AllObjects();
  for (const ObjectNumber number : std::views::reverse(objects)) {
    if (metadata.FindObject(number)->kind != ObjectKind::kLogRecord) continue;
    chooser.Add(metadata.FramesOf(number));
  }
  std::vector<StoredFrame> trace;
  for (const FrameNumber number : metadata.boot_trace()) {
    const std::optional<StoredFrame> frame = metadata.FindFrame(number);
    if (frame) trace.push_back(*frame);
  }
  std::vector<StoredFrame> strays;
  uint64_t bytes = 0;
  for (const FetchJob& job : Fetcher::PlanStream(trace, FetcherOptions())) {
    const uint64_t length = job.end() - job.begin();
    if (length >= kStrayBytes) continue;
    bytes += length;
    strays.insert(strays.end(), job.frames.begin(), job.frames.end());
  }
  // More than that is worth being put side by side.
  if (bytes <= kMaxStoredBytes) chooser.Add(strays);
  return chooser.Take();
}

void CacheFrameCopies(std::vector<FrameCopy> copies, const Metadata& metadata,
                      FrameCache& cache) {
  for (FrameCopy& copy : copies) {
    const std::optional<StoredFrame> frame = metadata.FindFrame(copy.number);
    if (!frame || frame->raw_length != copy.bytes.size()) continue;
    cache.Insert(copy.number,
                 std::make_shared<const std::string>(std::move(copy.bytes)));
  }
}

void ReplayedFrames::Add(const LogRecord& record) {
  std::unordered_set<ObjectNumber> records;
  for (const ObjectDelta& object : record.delta.objects) {
    if (object.kind == ObjectKind::kLogRecord) records.insert(object.number);
  }
  for (const FrameDelta& frame : record.delta.frames) {
    if (!records.contains(frame.object) ||
        frame.object_offset < kRecordFramesOffset) {
      continue;
    }
    const uint64_t offset = frame.object_offset - kRecordFramesOffset;
    if (offset > record.frames.size()) continue;
    frames_.push_back(
        {frame, record.frames.substr(offset, frame.stored_length)});
    bytes_ += frames_.back().bytes.size();
  }
  while (bytes_ > kMaxReplayedBytes) {
    bytes_ -= frames_.front().bytes.size();
    frames_.pop_front();
  }
}

std::vector<FrameCopy> ReplayedFrames::Take(const Metadata& metadata) {
  std::vector<FrameCopy> copies;
  if (metadata.boot_trace().empty()) return copies;
  for (const auto& [place, bytes] : std::exchange(frames_, {})) {
    if (!metadata.FindFrame(place.number)) continue;
    // Another record of the delta, whose frames are not these, does not match.
    Result<std::string> raw = DecodeFrame(bytes, place.raw_length, place.hash);
    if (raw) copies.push_back({place.number, *std::move(raw)});
  }
  return copies;
}

}  // namespace driveroot
