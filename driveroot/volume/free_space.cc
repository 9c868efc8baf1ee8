// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/free_space.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/recovery.h"

namespace driveroot {
namespace {

class Deleter {
 public:
  Deleter(ObjectStore& store, GarbageReport& report)
      : store_(store), report_(report) {}

  Status Delete(const ObjectId& id, uint64_t size) {
    const Status removed = store_.Remove(id);
    if (!removed && removed.error().code() != ErrorCode::kNotFound) {
      return removed;
    }
    ++report_.objects_deleted;
    report_.bytes_deleted += size;
    return {};
  }

 private:
  ObjectStore& store_;
  GarbageReport& report_;
};

// Objects that still hold data of some kept state.
std::set<ObjectId> NeededIds(const Metadata& metadata) {
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

Result<GarbageReport> FreeWithoutWriting(ObjectStore& store,
                                         const RetentionPolicy& policy,
                                         bool steal, TimeNs now) {
  GarbageReport report;
  Metadata metadata;
  DRIVEROOT_ASSIGN_OR_RETURN(const RecoveredLog log, Recover(store, metadata));
  if (!steal) {
    DRIVEROOT_RETURN_IF_ERROR(
        CheckNotInUse(log.position.last, MakeWriterIdentity("", ""), now));
  }
  const RetentionPlan plan = PlanRetention(metadata, policy, now);
  // As for GarbageCollector: nobody is so far behind that it takes the place of
  // a record that is gone for the end of the log.
  uint64_t deletable_records = 0;
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    if (sequence <= plan.records_from &&
        checkpoint.sealed_at <= now - kReturnTime) {
      deletable_records = std::max(deletable_records, sequence);
    }
  }
  for (const uint64_t sequence : plan.checkpoints_to_drop) {
    metadata.DropCheckpoint(sequence);
  }
  report.checkpoints_dropped = plan.checkpoints_to_drop.size();
  metadata.set_records_from(plan.records_from);
  const std::vector<DeadObject> unneeded = UnneededObjects(metadata);
  std::set<ObjectId> needed = NeededIds(metadata);

  Deleter deleter(store, report);
  for (const DeadObject& object : unneeded) {
    DRIVEROOT_RETURN_IF_ERROR(deleter.Delete(object.id, object.size));
  }
  for (const ObjectKind kind :
       {ObjectKind::kLogRecord, ObjectKind::kCheckpoint}) {
    const bool is_record = kind == ObjectKind::kLogRecord;
    // Checkpoints that are newer than what the log tells of may be in use.
    const uint64_t newest = is_record || metadata.checkpoints().empty()
                                ? deletable_records
                                : metadata.checkpoints().rbegin()->first - 1;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects,
                               store.List(kind));
    for (const ObjectInfo& object : objects) {
      const std::optional<uint64_t> number = ParseObjectName(object.name);
      if (!number || *number > newest || needed.contains(object.id)) continue;
      DRIVEROOT_RETURN_IF_ERROR(deleter.Delete(object.id, object.size));
      needed.insert(object.id);  // a listing may name it twice
    }
  }
  return report;
}

}  // namespace driveroot
