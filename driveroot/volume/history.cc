// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/history.h"

#include <utility>

#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/recovery.h"

namespace driveroot {
namespace {

// Where to start reading so that what is asked for is seen.
KeptCheckpoint StartOf(const Metadata& metadata, uint64_t newest, bool all,
                       uint64_t min_records) {
  KeptCheckpoint start;
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    if (sequence < metadata.records_from()) continue;
    const bool is_early = sequence + min_records <= newest;
    if (start.id.empty() || (is_early && !all)) start = checkpoint;
  }
  return start;
}

}  // namespace

Result<VolumeHistory> ReadHistory(ObjectStore& store, bool all,
                                  uint64_t min_records) {
  Metadata metadata;
  DRIVEROOT_ASSIGN_OR_RETURN(const RecoveredLog log, Recover(store, metadata));
  VolumeHistory history;
  history.uuid = log.superblock.uuid;
  history.newest_record = log.position.last.sequence;
  history.records_from = metadata.records_from();
  for (const auto& [sequence, checkpoint] : metadata.checkpoints()) {
    history.checkpoints.push_back(checkpoint);
  }
  for (const ObjectNumber number : metadata.AllObjects()) {
    const StoredObject& object = *metadata.FindObject(number);
    history.present_bytes += object.size;
    history.live_bytes += object.live_bytes;
  }
  for (const auto& [number, object] : metadata.dead_objects()) {
    history.past_bytes += object.size;
  }
  const KeptCheckpoint start =
      StartOf(metadata, history.newest_record, all, min_records);
  DRIVEROOT_ASSIGN_OR_RETURN(LogPosition position, ReadPosition(store, start));
  DRIVEROOT_RETURN_IF_ERROR(LogReader(store).Read(
      position, [&](const LogRecord& record, uint64_t bytes) -> Result<Visit> {
        history.records.push_back({.header = record.header,
                                   .bytes = bytes,
                                   .inodes = record.delta.inodes.size()});
        return Visit::kGoOn;
      }));
  return history;
}

}  // namespace driveroot
