// SPDX-License-Identifier: Apache-2.0
//
// The past of a volume: kept checkpoints, objects that only past states need,
// and the way back to one of them.
#include <algorithm>
#include <map>
#include <utility>

#include "driveroot/volume/metadata.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// An item of `items`, which are ascending by number; null when there is none.
template <typename T, typename Number>
const T* FindByNumber(const std::vector<T>& items, Number number,
                      Number T::* key) {
  const auto found = std::ranges::lower_bound(items, number, {}, key);
  return found != items.end() && (*found).*key == number ? &*found : nullptr;
}

// What makes `past` of `present`, which is null when it is not there now.
InodeDelta InodeChange(const InodeDelta& past, const InodeDelta* present) {
  InodeDelta change = past;
  // Attributes that only the present has must go.
  if (!change.xattrs && present != nullptr && present->xattrs) {
    change.xattrs.emplace();
  }
  return change;
}

}  // namespace

void Metadata::KeepCheckpoint(const KeptCheckpoint& checkpoint) {
  checkpoints_[checkpoint.sequence] = checkpoint;
  changes_.checkpoints.insert(checkpoint.sequence);
}

void Metadata::DropCheckpoint(uint64_t sequence) {
  CHECK_EQ(checkpoints_.erase(sequence), 1U) << "no checkpoint " << sequence;
  changes_.checkpoints.insert(sequence);
  changes_.history_shortened = true;
}

void Metadata::set_records_from(uint64_t sequence) {
  CHECK_GE(sequence, records_from_) << "records do not come back";
  if (sequence == records_from_) return;
  records_from_ = sequence;
  changes_.history_shortened = true;
}

void Metadata::BuryEmptyObjects(uint64_t sequence) {
  for (const ObjectNumber number : maybe_empty_objects_) {
    const auto found = objects_.find(number);
    if (found == objects_.end() || found->second.frames > 0) continue;
    const StoredObject& object = found->second;
    dead_objects_[number] = {.number = number,
                             .id = object.id,
                             .kind = object.kind,
                             .size = object.size,
                             .since = sequence};
    objects_.erase(found);
    changes_.objects.insert(number);
    changes_.dead_objects.insert(number);
  }
  maybe_empty_objects_.clear();
}

void Metadata::ForgetDeadObject(ObjectNumber number) {
  CHECK_EQ(dead_objects_.erase(number), 1U) << "object " << number;
  changes_.dead_objects.insert(number);
}

void Metadata::AddHistoryChanges(Delta& delta) const {
  for (const uint64_t sequence : changes_.checkpoints) {
    const auto found = checkpoints_.find(sequence);
    delta.checkpoints.push_back(found != checkpoints_.end()
                                    ? found->second
                                    : KeptCheckpoint{.sequence = sequence});
  }
  for (const ObjectNumber number : changes_.dead_objects) {
    const auto found = dead_objects_.find(number);
    delta.dead_objects.push_back(found != dead_objects_.end()
                                     ? found->second
                                     : DeadObject{.number = number});
  }
  if (changes_.history_shortened) delta.records_from = records_from_;
}

void Metadata::AddHistory(Delta& delta) const {
  for (const auto& [sequence, checkpoint] : checkpoints_) {
    delta.checkpoints.push_back(checkpoint);
  }
  for (const auto& [number, object] : dead_objects_) {
    delta.dead_objects.push_back(object);
  }
  delta.records_from = records_from_;
}

Status Metadata::ApplyHistory(const Delta& delta) {
  if (delta.records_from > limits::kNumber) {
    return Fail(ErrorCode::kDataLoss,
                "damaged metadata: an impossible number of a record");
  }
  for (const KeptCheckpoint& checkpoint : delta.checkpoints) {
    if (checkpoint.id.empty()) {
      checkpoints_.erase(checkpoint.sequence);
    } else {
      checkpoints_[checkpoint.sequence] = checkpoint;
    }
  }
  for (const DeadObject& object : delta.dead_objects) {
    if (object.id.empty()) {
      dead_objects_.erase(object.number);
    } else {
      dead_objects_[object.number] = object;
    }
  }
  records_from_ = std::max(records_from_, delta.records_from);
  return {};
}

Status Metadata::BecomeStateOf(const Metadata& past) {
  // A frame that comes back must be told of anew.
  ForgetReleasedFrames(/*all=*/true);
  const Delta delta = DeltaTo(past);
  DRIVEROOT_RETURN_IF_ERROR(Apply(delta));
  NoteDelta(delta);
  return {};
}

Delta Metadata::DeltaTo(const Metadata& past) const {
  const Delta from = FullDelta();
  const Delta to = past.FullDelta();
  Delta delta;
  for (const InodeDelta& inode : to.inodes) {
    const InodeDelta* present =
        FindByNumber(from.inodes, inode.number, &InodeDelta::number);
    if (present == nullptr || *present != inode) {
      delta.inodes.push_back(InodeChange(inode, present));
    }
  }
  for (const InodeDelta& inode : from.inodes) {
    if (past.Find(inode.number) != nullptr) continue;
    delta.inodes.emplace_back().number = inode.number;
  }
  std::ranges::sort(delta.inodes, {}, &InodeDelta::number);

  for (const DentryDelta& dentry : to.dentries) {
    const Inode* directory = Find(dentry.directory);
    if (directory == nullptr ||
        directory->directory().Find(dentry.name) != dentry.inode) {
      delta.dentries.push_back(dentry);
    }
  }
  for (const DentryDelta& dentry : from.dentries) {
    const Inode* directory = past.Find(dentry.directory);
    // A directory that goes takes its entries with it.
    if (directory == nullptr ||
        directory->directory().Find(dentry.name) != kNoInode) {
      continue;
    }
    delta.dentries.push_back({dentry.directory, dentry.name, kNoInode});
  }
  std::ranges::sort(delta.dentries, {}, [](const DentryDelta& dentry) {
    return std::pair(dentry.directory, dentry.name);
  });

  for (const InodeDelta& inode : to.inodes) {
    const ExtentDelta* there =
        FindByNumber(to.extents, inode.number, &ExtentDelta::inode);
    const ExtentDelta* here =
        FindByNumber(from.extents, inode.number, &ExtentDelta::inode);
    if (there == nullptr && here == nullptr) continue;
    ExtentDelta change{
        .inode = inode.number, .offset = 0, .length = 0, .extents = {}};
    if (there != nullptr) change = *there;
    if (here != nullptr) change.length = std::max(change.length, here->length);
    if (here != nullptr && here->extents == change.extents) continue;
    delta.extents.push_back(std::move(change));
  }

  for (const FrameDelta& frame : to.frames) {
    if (frames_.contains(frame.number)) continue;
    delta.frames.push_back(frame);
    if (objects_.contains(frame.object)) continue;
    const StoredObject& object = *past.FindObject(frame.object);
    delta.objects.push_back(
        {frame.object, object.id, object.kind, object.size});
    delta.dead_objects.push_back({.number = frame.object});
  }
  std::ranges::sort(delta.objects, {}, &ObjectDelta::number);
  const auto [first, last] =
      std::ranges::unique(delta.objects, {}, &ObjectDelta::number);
  delta.objects.erase(first, last);
  delta.next_inode = next_inode_;
  delta.next_frame = next_frame_;
  delta.next_object = next_object_;
  return delta;
}

void Metadata::NoteDelta(const Delta& delta) {
  for (const InodeDelta& inode : delta.inodes) {
    if (!inode.attributes) {
      changes_.AddInode(inode.number, 0);
      changes_.Forget(inode.number);
    } else if (inode.xattrs) {
      NoteXattrs(inode.number);
    } else {
      NoteInode(inode.number);
    }
  }
  for (const DentryDelta& dentry : delta.dentries) {
    changes_.AddDentry(dentry.directory, dentry.name);
  }
  for (const ExtentDelta& extents : delta.extents) {
    changes_.AddExtents(extents.inode, extents.offset, extents.length,
                        extents.extents.size(),
                        GetExtents(extents.inode).all().size());
  }
  for (const FrameDelta& frame : delta.frames) {
    if (frames_.contains(frame.number)) changes_.frames.insert(frame.number);
  }
  for (const ObjectDelta& object : delta.objects) {
    changes_.objects.insert(object.number);
  }
  for (const DeadObject& object : delta.dead_objects) {
    changes_.dead_objects.insert(object.number);
  }
}

}  // namespace driveroot
