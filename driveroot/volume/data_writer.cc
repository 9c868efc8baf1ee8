// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/data_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/parallel.h"
#include "driveroot/volume/record.h"

namespace driveroot {
namespace {

// Ids cost nothing, a call for them about 300 ms.
constexpr int kIdsAtOnce = 200;

// Kept back for what is sealed when the store cannot be reached any more
// (Committer::Keep): a record's next id, and segments of all the data that a
// volume accepts without storing it.
constexpr size_t kReserve = 16;

// Segments in flight: enough to hide the time until an upload starts, which is
// what one connection to Drive wastes most.
constexpr size_t kUploads = 4;

// Data longer than this many times what may go into a record is not even tried:
// nothing but long runs of one byte compresses better.
constexpr uint64_t kHopelessRatio = 16;

// Frames of so many bytes before compression take the processors about as long
// as a store takes to begin a large upload, and come to one.
constexpr uint64_t kWorthPreparing = 32 << 20;

size_t Processors() {
  return std::max<size_t>(1, std::thread::hardware_concurrency());
}

FrameDelta MakePlace(const UnstoredFrame& source, const Hash& hash,
                     ObjectNumber object, uint64_t offset,
                     uint64_t stored_length) {
  return {.number = source.number,
          .object = object,
          .object_offset = offset,
          .stored_length = static_cast<uint32_t>(stored_length),
          .raw_length = static_cast<uint32_t>(source.bytes->size()),
          .hash = hash};
}

}  // namespace

Result<ObjectId> IdPool::Take() {
  // Who comes meanwhile waits for the same ids.
  const std::lock_guard fetching(fetch_mutex_);
  std::vector<ObjectId> fresh;
  Status fetched;
  if (!HasSome()) {
    fetched = persist_([&]() -> Status {
      DRIVEROOT_ASSIGN_OR_RETURN(fresh, store_.NewIds(kIdsAtOnce));
      return {};
    });
  }
  const std::lock_guard lock(mutex_);
  // The reserve is for when there will be no more.
  if (fresh.empty() && ids_.empty()) return std::unexpected(fetched.error());
  ObjectId id;
  if (fresh.empty()) {
    id = std::move(ids_.front());
    ids_.pop_front();
  } else {
    id = std::move(fresh.back());
    fresh.pop_back();
    ids_.insert(ids_.end(), fresh.begin(), fresh.end());
  }
  taken_.insert(id);
  return id;
}

bool IdPool::IsTaken(const ObjectId& id) {
  const std::lock_guard lock(mutex_);
  return taken_.contains(id);
}

bool IdPool::HasSome() const {
  const std::lock_guard lock(mutex_);
  return ids_.size() > kReserve;
}

Result<PlacedData> DataWriter::Place(std::span<const UnstoredFrame> frames,
                                     uint64_t max_inline_bytes,
                                     const ObjectId& record_id,
                                     bool note_change) {
  PlacedData placed;
  StoredData& data = placed.data;
  std::vector<Work> work;
  for (const UnstoredFrame& frame : frames) work.emplace_back(frame);
  ParallelFor(work.size(), Processors(),
              [&](size_t i) { work[i].hash = Sha256(*work[i].source.bytes); });
  FindKnown(work);
  if (!PutInline(work, max_inline_bytes, record_id, data)) {
    DRIVEROOT_RETURN_IF_ERROR(PutIntoSegments(work, note_change, placed));
  }
  // Those without bytes of their own, now that all others have their place.
  std::vector<FrameDelta> copies;  // of what is on the store
  for (Work& each : work) {
    if (each.same_as) {
      each.place = work[*each.same_as].place;
      each.place->number = each.source.number;
    }
    data.frames.push_back(*each.place);
    // Its object gets known together with the record.
    if (each.encoded || each.place->object == data.inline_object) continue;
    const auto segment = std::ranges::find(
        placed.segments, each.place->object,
        [](const PlacedSegment& it) { return it.object.number; });
    if (segment == placed.segments.end()) {
      copies.push_back(*each.place);
    } else {
      AddFrames(*segment, {&*each.place, 1}, note_change);
    }
  }
  SetPlaces({}, copies, note_change);
  ReleaseFrames(copies);
  return placed;
}

void DataWriter::AddFrames(PlacedSegment& segment,
                           std::span<const FrameDelta> frames,
                           bool note_change) {
  // Before they count as stored, so that the status never counts them as
  // neither.
  for (const FrameDelta& frame : frames) placed_bytes_ += frame.raw_length;
  SetPlaces({}, frames, note_change);
  segment.frames.insert(segment.frames.end(), frames.begin(), frames.end());
}

void DataWriter::Adopt(const ObjectInfo& object,
                       std::span<const FrameDelta> frames) {
  const std::lock_guard lock(parts_.mutex);
  const ObjectNumber number = parts_.metadata.ReserveObject();
  parts_.metadata.AddObject(number, object.id, object.kind, object.size,
                            /*note_change=*/true);
  const std::lock_guard adopted_lock(adopted_mutex_);
  for (const FrameDelta& frame : frames) {
    FrameDelta place = frame;
    place.object = number;
    adopted_.emplace(frame.hash, place);
  }
}

void DataWriter::FindKnown(std::vector<Work>& work) {
  const std::shared_lock lock(parts_.mutex);
  const std::lock_guard adopted_lock(adopted_mutex_);
  std::map<std::pair<Hash, size_t>, size_t> seen;
  for (size_t i = 0; i < work.size(); ++i) {
    Work& each = work[i];
    const size_t length = each.source.bytes->size();
    const auto known = parts_.metadata.FindFrameByHash(
        each.hash, static_cast<uint32_t>(length));
    if (known) {
      each.place = MakePlace(each.source, each.hash, known->object,
                             known->object_offset, known->stored_length);
      continue;
    }
    const auto adopted = adopted_.find(each.hash);
    // An object that nothing lay in is dead since the last transaction.
    if (adopted != adopted_.end() && adopted->second.raw_length == length &&
        parts_.metadata.FindObject(adopted->second.object) != nullptr) {
      each.place = adopted->second;
      each.place->number = each.source.number;
      continue;
    }
    const auto [first, is_new] = seen.try_emplace({each.hash, length}, i);
    if (!is_new) each.same_as = first->second;
  }
}

void DataWriter::Encode(Work& work) const {
  if (work.encoded) return;
  work.encoded = EncodedFrame{
      .number = work.source.number,
      .raw_length = static_cast<uint32_t>(work.source.bytes->size()),
      .hash = work.hash,
      .stored = CompressFrame(*work.source.bytes, parts_.compression)};
}

void DataWriter::EncodeAll(std::span<Work* const> work) const {
  ParallelFor(work.size(), Processors(), [&](size_t i) { Encode(*work[i]); });
}

bool DataWriter::PutInline(std::vector<Work>& work, uint64_t max_inline_bytes,
                           const ObjectId& record_id, StoredData& data) {
  std::vector<Work*> to_store;
  uint64_t raw_bytes = 0;
  for (Work& each : work) {
    if (each.place || each.same_as) continue;
    to_store.push_back(&each);
    raw_bytes += each.source.bytes->size();
  }
  if (to_store.empty()) return true;
  if (raw_bytes / kHopelessRatio > max_inline_bytes || max_inline_bytes == 0) {
    return false;
  }
  EncodeAll(to_store);
  uint64_t stored_bytes = 0;
  for (const Work* each : to_store)
    stored_bytes += each->encoded->stored.size();
  if (stored_bytes > max_inline_bytes) return false;

  {
    const std::lock_guard lock(parts_.mutex);
    data.inline_object = parts_.metadata.ReserveObject();
  }
  for (Work* each : to_store) {
    each->place = MakePlace(each->source, each->hash, data.inline_object,
                            kRecordFramesOffset + data.inline_frames.size(),
                            each->encoded->stored.size());
    data.inline_frames += each->encoded->stored;
  }
  data.objects.push_back(
      {.number = data.inline_object,
       .id = record_id,
       .kind = ObjectKind::kLogRecord,
       .size = kRecordFramesOffset + data.inline_frames.size()});
  return true;
}

Status DataWriter::PutIntoSegments(std::vector<Work>& work, bool note_change,
                                   PlacedData& placed) {
  std::vector<Work*> to_store;
  for (Work& each : work) {
    if (!each.place && !each.same_as) to_store.push_back(&each);
  }
  uint64_t raw_bytes = 0;
  for (const Work* each : to_store) raw_bytes += each->source.bytes->size();
  // Ahead of all that takes the processors time.
  std::optional<PlacedSegment> first;
  if (raw_bytes >= kWorthPreparing) {
    DRIVEROOT_ASSIGN_OR_RETURN(first, NewSegment());
    parts_.store.PrepareCreate(first->object.id, first->object.kind,
                               ObjectName(first->object.number));
  }
  EncodeAll(to_store);
  uint64_t total = 0;
  for (const Work* each : to_store) total += each->encoded->stored.size();
  // As few as possible, and all of about the same size.
  const uint64_t count = std::max<uint64_t>(
      1, (total + parts_.segment_bytes - 1) / parts_.segment_bytes);
  std::vector<std::vector<Work*>> segments;
  uint64_t bytes = 0;
  for (Work* each : to_store) {
    if (segments.empty() || bytes >= total / count ||
        segments.back().size() == limits::kSegmentFrames) {
      segments.emplace_back();
      bytes = 0;
    }
    segments.back().push_back(each);
    bytes += each->encoded->stored.size();
  }
  for (const std::vector<Work*>& frames : segments) {
    PlacedSegment segment;
    if (first) {
      segment = *std::exchange(first, std::nullopt);
    } else {
      DRIVEROOT_ASSIGN_OR_RETURN(segment, NewSegment());
    }
    DRIVEROOT_RETURN_IF_ERROR(FillSegment(segment, frames, note_change));
    placed.data.objects.push_back(segment.object);
    placed.segments.push_back(std::move(segment));
  }
  return {};
}

Result<PlacedSegment> DataWriter::NewSegment() {
  PlacedSegment segment;
  ObjectDelta& object = segment.object;
  object.kind = ObjectKind::kSegment;
  DRIVEROOT_ASSIGN_OR_RETURN(object.id, parts_.ids.Take());
  const std::lock_guard lock(parts_.mutex);
  object.number = parts_.metadata.ReserveObject();
  return segment;
}

Status DataWriter::FillSegment(PlacedSegment& segment,
                               std::span<Work* const> work, bool note_change) {
  ObjectDelta& object = segment.object;
  uint64_t bytes = 0;
  for (const Work* each : work) bytes += each->encoded->stored.size();
  SegmentWriter writer;
  writer.Reserve(work.size(), bytes);
  std::vector<FrameDelta> frames;
  for (Work* each : work) {
    each->place =
        MakePlace(each->source, each->hash, object.number,
                  writer.Add(*each->encoded), each->encoded->stored.size());
    // It is in the segment now. An empty string still says that it was encoded.
    each->encoded->stored = std::string();
    frames.push_back(*each->place);
    // Whoever writes a checkpoint before the segment is there looks for copies.
    parts_.cache.Insert(each->source.number, each->source.bytes);
  }
  DRIVEROOT_ASSIGN_OR_RETURN(segment.bytes, writer.Finish());
  object.size = segment.bytes.size();
  SetPlaces({&object, 1}, {}, note_change);
  AddFrames(segment, frames, note_change);
  return {};
}

Status DataWriter::Upload(std::span<PlacedSegment> segments,
                          bool ids_may_change) {
  std::mutex mutex;  // guards failure
  Status failure;
  std::atomic<bool> failed = false;
  ParallelFor(segments.size(), kUploads, [&](size_t i) {
    if (failed) return;
    const Status uploaded = UploadSegment(segments[i], ids_may_change);
    if (uploaded) return;
    failed = true;
    const std::lock_guard lock(mutex);
    failure = uploaded;
  });
  return failure;
}

Status DataWriter::UploadSegment(PlacedSegment& segment, bool ids_may_change) {
  ObjectDelta& object = segment.object;
  const std::string name = ObjectName(object.number);
  const ObjectId before = object.id;
  Status created;
  if (ids_may_change) {
    created = CreateUnderFreshId(
        parts_.store, parts_.persist, [this] { return parts_.ids.Take(); },
        object.id, object.kind, name, segment.bytes);
  } else {
    created = CreateOwn(parts_.store, parts_.persist, object.id, object.kind,
                        name, segment.bytes);
    if (!created && created.error().code() == ErrorCode::kAlreadyExists) {
      return Fail(ErrorCode::kDataLoss,
                  "the id " + object.id +
                      " that the store gave for new data belongs to something "
                      "else; try again");
    }
  }
  if (object.id != before) {
    const std::lock_guard lock(parts_.mutex);
    parts_.metadata.SetObjectId(object.number, object.id);
  }
  if (!created) return created;
  ++counters_.segments;
  counters_.stored_bytes += object.size;
  segment.stored = true;
  segment.bytes = std::string();
  for (const FrameDelta& frame : segment.frames) {
    placed_bytes_ -= frame.raw_length;
  }
  ReleaseFrames(segment.frames);
  return {};
}

void DataWriter::GiveUp(std::span<const PlacedSegment> segments) {
  for (const PlacedSegment& segment : segments) {
    if (segment.stored) continue;
    for (const FrameDelta& frame : segment.frames) {
      placed_bytes_ -= frame.raw_length;
    }
  }
}

void DataWriter::SetPlaces(std::span<const ObjectDelta> objects,
                           std::span<const FrameDelta> frames,
                           bool note_change) {
  const std::lock_guard lock(parts_.mutex);
  for (const ObjectDelta& object : objects) {
    parts_.metadata.AddObject(object.number, object.id, object.kind,
                              object.size, note_change);
  }
  for (const FrameDelta& frame : frames) {
    parts_.metadata.SetFrameLocation({.number = frame.number,
                                      .object = frame.object,
                                      .object_offset = frame.object_offset,
                                      .stored_length = frame.stored_length,
                                      .raw_length = frame.raw_length,
                                      .hash = frame.hash},
                                     note_change);
  }
}

void DataWriter::ReleaseFrames(std::span<const FrameDelta> frames) {
  const std::lock_guard lock(parts_.mutex);
  for (const FrameDelta& frame : frames) {
    const FrameBytes bytes = parts_.metadata.ReleaseFrame(frame.number);
    if (bytes != nullptr) parts_.cache.Insert(frame.number, bytes);
    counters_.raw_bytes += frame.raw_length;
  }
  parts_.stored();
}

}  // namespace driveroot
