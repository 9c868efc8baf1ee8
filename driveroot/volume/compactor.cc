// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/compactor.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/parallel.h"
#include "driveroot/volume/segment.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// Frames that lie close together in an object are read in one call. A round
// trip to Drive takes about as long as 2.5 MB on a 100 Mbit/s link.
constexpr uint64_t kMaxGapBytes = 1 << 20;
constexpr uint64_t kMaxRunBytes = 8 << 20;
constexpr size_t kReads = 4;

uint64_t End(const StoredFrame& frame) {
  return frame.object_offset + frame.stored_length;
}

// How many of `frames`, from the first on, are read in one call.
size_t RunLength(std::span<const StoredFrame> frames) {
  size_t length = 1;
  while (length < frames.size()) {
    const StoredFrame& next = frames[length];
    const StoredFrame& last = frames[length - 1];
    if (next.object != last.object || next.object_offset < End(last) ||
        next.object_offset - End(last) > kMaxGapBytes ||
        End(next) - frames.front().object_offset > kMaxRunBytes) {
      break;
    }
    ++length;
  }
  return length;
}

}  // namespace

Result<CompactionResult> Compactor::Move(std::span<const FrameNumber> frames,
                                         const GoOn& go_on) {
  CompactionResult result;
  std::set<ObjectNumber> done;  // segments made by this call
  while (!frames.empty() && (go_on == nullptr || go_on(result))) {
    const std::vector<StoredFrame> batch = NextSegment(frames, done);
    if (batch.empty()) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> bytes,
                               ReadFrames(batch));
    DRIVEROOT_ASSIGN_OR_RETURN(const ObjectNumber segment,
                               WriteSegment(batch, bytes, result));
    done.insert(segment);
  }
  return result;
}

std::vector<StoredFrame> Compactor::NextSegment(
    std::span<const FrameNumber>& frames, const std::set<ObjectNumber>& done) {
  std::vector<StoredFrame> batch;
  std::set<std::pair<ObjectNumber, uint64_t>> places;
  uint64_t bytes = 0;
  const std::shared_lock lock(parts_.mutex);
  while (!frames.empty() && bytes < parts_.segment_bytes &&
         batch.size() < limits::kSegmentFrames) {
    const FrameNumber number = frames.front();
    frames = frames.subspan(1);
    const std::optional<StoredFrame> frame =
        parts_.metadata.FindDurableFrame(number);
    if (!frame || done.contains(frame->object) ||
        !places.emplace(frame->object, frame->object_offset).second) {
      continue;
    }
    batch.push_back(*frame);
    bytes += frame->stored_length;
  }
  return batch;
}

Result<std::vector<std::string>> Compactor::ReadFrames(
    std::span<const StoredFrame> frames) {
  // By place, in whatever order they are wanted: so one call reads many.
  std::vector<size_t> order(frames.size());
  std::ranges::iota(order, size_t{0});
  std::ranges::sort(order, {}, [&frames](size_t i) {
    return std::pair(frames[i].object, frames[i].object_offset);
  });
  std::vector<StoredFrame> placed;
  for (const size_t i : order) placed.push_back(frames[i]);
  struct Run {
    size_t first;
    size_t length;
  };
  std::vector<Run> runs;
  for (size_t first = 0; first < placed.size();) {
    runs.push_back({first, RunLength(std::span(placed).subspan(first))});
    first += runs.back().length;
  }
  std::vector<std::string> bytes(frames.size());
  std::mutex mutex;  // guards failure
  Status failure;
  ParallelFor(runs.size(), kReads, [&](size_t i) {
    const auto run = std::span(placed).subspan(runs[i].first, runs[i].length);
    const Result<std::string> range = ReadRun(run);
    if (!range) {
      const std::lock_guard lock(mutex);
      failure = std::unexpected(range.error());
      return;
    }
    for (size_t j = 0; j < run.size(); ++j) {
      const uint64_t offset = run[j].object_offset - run.front().object_offset;
      if (offset >= range->size()) continue;
      const std::string_view stored =
          std::string_view(*range).substr(offset, run[j].stored_length);
      if (DecodeFrame(stored, run[j].raw_length, run[j].hash)) {
        bytes[order[runs[i].first + j]] = stored;
      }
    }
  });
  if (!failure) return std::unexpected(failure.error());
  return bytes;
}

// Empty when the object is missing.
Result<std::string> Compactor::ReadRun(std::span<const StoredFrame> run) {
  ObjectId id;
  {
    const std::shared_lock lock(parts_.mutex);
    id = parts_.metadata.FindObjectId(run.front().object);
  }
  const uint64_t begin = run.front().object_offset;
  Result<std::string> bytes =
      parts_.store.Read(id, begin, End(run.back()) - begin);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return "";
  return bytes;
}

Result<ObjectNumber> Compactor::WriteSegment(
    std::span<const StoredFrame> frames, std::span<const std::string> bytes,
    CompactionResult& result) {
  SegmentWriter segment;
  std::vector<std::pair<StoredFrame, StoredFrame>> moves;  // from, to
  ObjectNumber number = 0;
  {
    const std::lock_guard lock(parts_.mutex);
    number = parts_.metadata.ReserveObject();
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    if (bytes[i].empty()) {
      LOG(ERROR) << "frame " << frames[i].number
                 << " is damaged; `driveroot fsck` tells more";
      ++result.damaged;
      continue;
    }
    StoredFrame to = frames[i];
    to.object = number;
    to.object_offset = segment.Add({.number = to.number,
                                    .raw_length = to.raw_length,
                                    .hash = to.hash,
                                    .stored = bytes[i]});
    moves.emplace_back(frames[i], to);
  }
  if (moves.empty()) return number;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string stored, segment.Finish());
  DRIVEROOT_ASSIGN_OR_RETURN(ObjectId id, parts_.ids.Take());
  const Persist once = [](const auto& call) { return call(); };
  DRIVEROOT_RETURN_IF_ERROR(CreateUnderFreshId(
      parts_.store, once, [this] { return parts_.ids.Take(); }, id,
      ObjectKind::kSegment, ObjectName(number), stored));
  ++result.segments;
  result.bytes_written += stored.size();
  const std::lock_guard lock(parts_.mutex);
  parts_.metadata.AddObject(number, id, ObjectKind::kSegment, stored.size(),
                            /*note_change=*/true);
  for (const auto& [from, to] : moves) {
    // All that lie there still, whichever of them was asked for.
    for (const StoredFrame& frame : parts_.metadata.FramesOf(
             from.object, from.object_offset, from.object_offset + 1)) {
      StoredFrame place = to;
      place.number = frame.number;
      parts_.metadata.SetFrameLocation(place, /*note_change=*/true);
      ++result.frames;
    }
    result.bytes += to.stored_length;
  }
  parts_.moved();
  return number;
}

}  // namespace driveroot
