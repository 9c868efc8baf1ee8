// SPDX-License-Identifier: Apache-2.0
//
// Metadata::TakeBack(): transactions that cannot be stored.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/volume/metadata.h"
#include "glog/logging.h"

namespace driveroot {

void Metadata::TakeBack(const TakenTransaction& taken) {
  for (const FrameNumber number : taken.frames) TakeBackFrame(number, taken);
  for (const ObjectNumber number : taken.lost) {
    // Without frames now, so nobody misses it.
    objects_.erase(number);
    maybe_empty_objects_.erase(number);
    changes_.objects.erase(number);
  }
  for (const ObjectNumber number : taken.stored) {
    if (objects_.contains(number)) changes_.objects.insert(number);
  }
  const MetadataChanges& old = taken.changes;
  for (const InodeNumber number : old.inodes) {
    if (inodes_.contains(number)) {
      NoteInode(number);
    } else {
      changes_.AddInode(number, 0);
    }
  }
  changes_.first_new_inode =
      std::min(changes_.first_new_inode, old.first_new_inode);
  // Of inodes that are gone meanwhile, nothing but that is told.
  for (const auto& [number, bytes] : old.xattrs) {
    if (inodes_.contains(number)) NoteXattrs(number);
  }
  for (const auto& [number, names] : old.dentries) {
    if (!inodes_.contains(number)) continue;
    for (const std::string& name : names) changes_.AddDentry(number, name);
  }
  for (const auto& [number, extents] : old.extents) {
    if (!inodes_.contains(number)) continue;
    const uint64_t all = GetExtents(number).all().size();
    uint64_t added = extents.count;
    for (const RangeSet::Range& range : extents.ranges.ranges()) {
      changes_.AddExtents(number, range.offset, range.length, added, all);
      added = 0;
    }
  }
  for (const FrameNumber number : old.frames) {
    const auto frame = frames_.find(number);
    if (frame == frames_.end() || frame->second.object == 0 ||
        frame->second.referenced == 0) {
      continue;
    }
    changes_.frames.insert(number);
  }
  changes_.objects.insert(old.objects.begin(), old.objects.end());
  changes_.checkpoints.insert(old.checkpoints.begin(), old.checkpoints.end());
  changes_.dead_objects.insert(old.dead_objects.begin(),
                               old.dead_objects.end());
  changes_.history_shortened |= old.history_shortened;
  changes_.boot_trace |= old.boot_trace;
}

std::vector<ObjectId> Metadata::DropEmptyObjects(
    const std::set<ObjectNumber>& objects) {
  ForgetReleasedFrames(/*all=*/true);
  std::vector<ObjectId> ids;
  for (const ObjectNumber number : objects) {
    const auto found = objects_.find(number);
    if (found == objects_.end() || found->second.frames > 0) continue;
    ids.push_back(found->second.id);
    objects_.erase(found);
    maybe_empty_objects_.erase(number);
    changes_.objects.erase(number);
  }
  return ids;
}

void Metadata::TakeBackFrame(FrameNumber number,
                             const TakenTransaction& taken) {
  const auto found = frames_.find(number);
  if (found == frames_.end()) return;
  Frame& frame = found->second;
  if (frame.object != 0 && !taken.lost.contains(frame.object)) {
    if (frame.referenced > 0) changes_.frames.insert(number);
    return;
  }
  if (frame.object != 0) {
    CHECK(frame.bytes != nullptr) << "frame " << number << " is lost";
    LeavePlace(number, frame);
    ForgetHash(number, frame);
    frame.object = 0;
    frame.object_offset = 0;
    frame.stored_length = 0;
    frame.hash = {};
    unstored_bytes_ += frame.raw_length;
    changes_.frames.erase(number);
  }
  untaken_.insert(number);
  if (frame.referenced > 0) return;
  // It waited for being forgotten, in case the same bytes were written again.
  std::erase(released_, number);
  std::erase(released_before_, number);
  DropFrame(number);
}

}  // namespace driveroot
