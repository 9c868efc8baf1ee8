// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/garbage_collector.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/parallel.h"

namespace driveroot {
namespace {

// Deletions in flight. Drive takes about three changes a second.
constexpr size_t kDeletions = 4;

// An object that is used this well is not worth moving, and a frame may be
// moved as it is, so that what was moved is not moved again.
constexpr double kWellUsed = 0.9;

// Log records that hold data are many and small. Those that nobody needs for
// following the log any more are moved into segments when so many or so much
// has gathered.
constexpr size_t kManyRecords = 256;
constexpr uint64_t kManyRecordBytes = 16 << 20;

struct Candidate {
  ObjectNumber number = 0;
  uint64_t size = 0;
  uint64_t live_bytes = 0;

  // Frames that share bytes count each.
  uint64_t moved_size() const { return std::min(size, live_bytes); }
  double use() const {
    return static_cast<double>(live_bytes) / static_cast<double>(size);
  }
};

std::set<ObjectId> KnownIds(const Metadata& metadata) {
  std::set<ObjectId> ids;
  for (const ObjectNumber number : metadata.AllObjects()) {
    ids.insert(metadata.FindObject(number)->id);
  }
  for (const auto& [number, object] : metadata.dead_objects()) {
    ids.insert(object.id);
  }
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    ids.insert(checkpoint.id);
  }
  return ids;
}

}  // namespace

Result<GarbageReport> GarbageCollector::Run(const GarbageOptions& options) {
  GarbageReport report;
  Listing listing;
  if (options.sweep) {
    DRIVEROOT_ASSIGN_OR_RETURN(listing, List());
  }
  if (options.delete_first) {
    if (history_is_durable_) {
      DRIVEROOT_RETURN_IF_ERROR(DeleteDeadObjects(SIZE_MAX, report));
    }
    DRIVEROOT_RETURN_IF_ERROR(Delete(listing, options, report));
    // It was deleted.
    listing = Listing();
  }
  const Status written = Write(options, report);
  if (!written && options.delete_first &&
      written.error().code() == ErrorCode::kOutOfSpace) {
    report.out_of_space = true;
  } else if (!written) {
    return std::unexpected(written.error());
  }
  DRIVEROOT_RETURN_IF_ERROR(Delete(listing, options, report));
  const std::shared_lock lock(parts_.mutex);
  for (const ObjectNumber number : parts_.metadata.AllObjects()) {
    const StoredObject& object = *parts_.metadata.FindObject(number);
    report.present_bytes += object.size;
    report.live_bytes += object.live_bytes;
  }
  for (const auto& [number, object] : parts_.metadata.dead_objects()) {
    report.past_bytes += object.size;
  }
  return report;
}

Status GarbageCollector::Write(const GarbageOptions& options,
                               GarbageReport& report) {
  if (options.compact) {
    DRIVEROOT_RETURN_IF_ERROR(Compact(options, report));
  }
  return options.checkpoint ? parts_.write_checkpoint() : Status();
}

Status GarbageCollector::Delete(const Listing& listing,
                                const GarbageOptions& options,
                                GarbageReport& report) {
  report.checkpoints_dropped += ShortenHistory(options.retention);
  DRIVEROOT_RETURN_IF_ERROR(parts_.append_record());
  history_is_durable_ = true;
  DRIVEROOT_RETURN_IF_ERROR(DeleteDeadObjects(SIZE_MAX, report));
  return options.sweep ? Sweep(listing, report) : Status();
}

bool GarbageCollector::HasWork(const GarbageOptions& options) const {
  const std::shared_lock lock(parts_.mutex);
  const TimeNs now = parts_.now();
  const RetentionPlan plan =
      PlanRetention(parts_.metadata, options.retention, now, parts_.leaps());
  const Chosen chosen = ChooseFrames(options);
  return !plan.checkpoints_to_drop.empty() ||
         plan.records_from > parts_.metadata.records_from() ||
         !UnneededObjects(parts_.metadata).empty() ||
         (options.compact &&
          (!chosen.to_move.empty() || !chosen.to_rewrite.empty()));
}

bool GarbageCollector::NeedsCheckpoint(const RetentionPolicy& policy) const {
  const std::shared_lock lock(parts_.mutex);
  return driveroot::NeedsCheckpoint(parts_.metadata, policy);
}

size_t GarbageCollector::ShortenHistory(const RetentionPolicy& policy) {
  const std::lock_guard lock(parts_.mutex);
  const TimeNs now = parts_.now();
  const RetentionPlan plan =
      PlanRetention(parts_.metadata, policy, now, parts_.leaps());
  for (const auto& [sequence, checkpoint] : parts_.metadata.checkpoints()) {
    if (sequence <= plan.records_from &&
        checkpoint.sealed_at <= now - kReturnTime) {
      deletable_records_ = std::max(deletable_records_, sequence);
    }
  }
  for (const uint64_t sequence : plan.checkpoints_to_drop) {
    parts_.metadata.DropCheckpoint(sequence);
  }
  if (!plan.checkpoints_to_drop.empty() ||
      plan.records_from > parts_.metadata.records_from()) {
    history_is_durable_ = false;
  }
  parts_.metadata.set_records_from(plan.records_from);
  return plan.checkpoints_to_drop.size();
}

Result<GarbageCollector::Listing> GarbageCollector::List() {
  Listing listing;
  DRIVEROOT_ASSIGN_OR_RETURN(listing.records,
                             parts_.store.List(ObjectKind::kLogRecord));
  DRIVEROOT_ASSIGN_OR_RETURN(listing.checkpoints,
                             parts_.store.List(ObjectKind::kCheckpoint));
  DRIVEROOT_ASSIGN_OR_RETURN(listing.segments,
                             parts_.store.List(ObjectKind::kSegment));
  return listing;
}

Status GarbageCollector::Compact(const GarbageOptions& options,
                                 GarbageReport& report) {
  Chosen chosen;
  uint64_t total = 0;
  {
    const std::shared_lock lock(parts_.mutex);
    chosen = ChooseFrames(options);
    for (const FrameNumber number : chosen.to_move) {
      total += parts_.metadata.FindFrame(number)->stored_length;
    }
  }
  const auto go_on = [&] {
    return options.go_on == nullptr || options.go_on();
  };
  DRIVEROOT_ASSIGN_OR_RETURN(
      const CompactionResult moved,
      parts_.compactor.Move(chosen.to_move,
                            [&](const CompactionResult& so_far) {
                              if (options.progress != nullptr)
                                options.progress(so_far.bytes, total);
                              return go_on();
                            }));
  report.frames_moved = moved.frames;
  report.bytes_moved = moved.bytes;
  report.bytes_written = moved.bytes_written;
  report.segments_written = moved.segments;
  report.damaged_frames = moved.damaged;
  DRIVEROOT_ASSIGN_OR_RETURN(report.bytes_rewritten,
                             parts_.rewriter.Rewrite(chosen.to_rewrite, go_on));
  report.bytes_written += report.bytes_rewritten;
  // So that the old objects are dead with the next record.
  const std::lock_guard lock(parts_.mutex);
  parts_.metadata.ForgetReleasedFrames(/*all=*/true);
  return {};
}

// With Volume's lock held.
GarbageCollector::Chosen GarbageCollector::ChooseFrames(
    const GarbageOptions& options) const {
  const Metadata& metadata = parts_.metadata;
  // Records before the oldest state that is reached by following the log.
  const auto base = metadata.checkpoints().find(metadata.records_from());
  const ObjectNumber old =
      base == metadata.checkpoints().end() ? 0 : base->second.next_object;
  std::vector<Candidate> candidates;
  std::vector<Candidate> old_records;
  uint64_t old_record_bytes = 0;
  uint64_t size = 0;
  uint64_t live_bytes = 0;
  for (const ObjectNumber number : metadata.AllObjects()) {
    const StoredObject& object = *metadata.FindObject(number);
    if (object.frames == 0 || object.size == 0) continue;
    const Candidate candidate{number, object.size, object.live_bytes};
    size += object.size;
    live_bytes += candidate.moved_size();
    if (object.kind == ObjectKind::kLogRecord && number < old) {
      old_records.push_back(candidate);
      old_record_bytes += candidate.moved_size();
    } else if (candidate.use() < kWellUsed) {
      candidates.push_back(candidate);
    }
  }
  std::vector<ObjectNumber> objects;
  const auto choose = [&](const Candidate& candidate) {
    objects.push_back(candidate.number);
    size -= candidate.size - candidate.moved_size();
  };
  if (old_records.size() >= kManyRecords ||
      old_record_bytes >= kManyRecordBytes) {
    std::ranges::for_each(old_records, choose);
  } else {
    candidates.insert(candidates.end(), old_records.begin(), old_records.end());
  }
  const auto exceeds = [&](double ratio) {
    return static_cast<double>(size) > ratio * static_cast<double>(live_bytes);
  };
  if (exceeds(options.compact_above) &&
      size - live_bytes >= options.min_gain_bytes) {
    std::ranges::sort(candidates, {}, &Candidate::use);
    for (const Candidate& candidate : candidates) {
      if (!exceeds(options.max_size_to_live) || candidate.use() >= kWellUsed) {
        break;
      }
      choose(candidate);
    }
  }
  // In the order in which they were written, as they are most likely read.
  std::ranges::sort(objects);
  Chosen chosen;
  for (const ObjectNumber number : objects) {
    for (const StoredFrame& frame : metadata.FramesOf(number)) {
      if (!metadata.FindDurableFrame(frame.number)) continue;
      if (metadata.UseOfFrame(frame.number) < kWellUsed) {
        chosen.to_rewrite.insert(frame.number);
      } else {
        chosen.to_move.push_back(frame.number);
      }
    }
  }
  return chosen;
}

Status GarbageCollector::DeleteDeadObjects(size_t max_count,
                                           GarbageReport& report) {
  std::vector<DeadObject> objects;
  {
    const std::shared_lock lock(parts_.mutex);
    objects = UnneededObjects(parts_.metadata);
  }
  if (objects.size() > max_count) objects.resize(max_count);
  std::vector<ObjectId> ids;
  for (const DeadObject& object : objects) ids.push_back(object.id);
  DRIVEROOT_RETURN_IF_ERROR(Delete(ids));
  const std::lock_guard lock(parts_.mutex);
  for (const DeadObject& object : objects) {
    parts_.metadata.ForgetDeadObject(object.number);
    ++report.objects_deleted;
    report.bytes_deleted += object.size;
  }
  return {};
}

Status GarbageCollector::Sweep(const Listing& listing, GarbageReport& report) {
  std::set<ObjectId> known;
  uint64_t newest_checkpoint = 0;
  {
    const std::shared_lock lock(parts_.mutex);
    known = KnownIds(parts_.metadata);
    if (!parts_.metadata.checkpoints().empty()) {
      newest_checkpoint = parts_.metadata.checkpoints().rbegin()->first;
    }
  }
  std::vector<ObjectId> ids;
  const auto collect = [&](const std::vector<ObjectInfo>& infos,
                           const auto& may_go) {
    for (const ObjectInfo& info : infos) {
      const std::optional<uint64_t> number = ParseObjectName(info.name);
      if (!number || known.contains(info.id) || !may_go(info, *number)) {
        continue;
      }
      ids.push_back(info.id);
      ++report.objects_deleted;
      report.bytes_deleted += info.size;
    }
  };
  collect(listing.records, [&](const ObjectInfo&, uint64_t sequence) {
    return sequence <= deletable_records_;
  });
  // One that is being written is newer than those that are known.
  collect(listing.checkpoints, [&](const ObjectInfo&, uint64_t sequence) {
    return sequence < newest_checkpoint;
  });
  // What this writer made itself may be about to get known.
  collect(listing.segments, [&](const ObjectInfo& info, uint64_t) {
    return !parts_.ids.IsTaken(info.id);
  });
  return Delete(ids);
}

Status GarbageCollector::Delete(std::span<const ObjectId> ids) {
  std::mutex mutex;  // guards failure
  Status failure;
  std::atomic<bool> failed = false;
  ParallelFor(ids.size(), kDeletions, [&](size_t i) {
    if (failed) return;
    const Status removed = parts_.store.Remove(ids[i]);
    if (removed || removed.error().code() == ErrorCode::kNotFound) return;
    failed = true;
    const std::lock_guard lock(mutex);
    failure = removed;
  });
  return failure;
}

}  // namespace driveroot
