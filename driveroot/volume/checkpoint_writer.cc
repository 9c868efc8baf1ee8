// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/checkpoint_writer.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/boot_ranges.h"
#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/parallel.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {

namespace {

// Whether another writer's superblock is there, which must stay: a late one of
// ours would send readers back to where records may be gone. Not one of another
// volume, which somebody put there.
bool IsOvertaken(ObjectStore& store, const RecordHeader& last) {
  const Result<std::string> there = store.ReadSuperblock();
  if (!there) return false;
  const Result<Superblock> superblock = ParseSuperblock(*there);
  return superblock && superblock->uuid == last.volume_uuid &&
         superblock->log.sequence > last.sequence;
}

// A checkpoint that is not stored yet, and what tells of it.
struct SealedCheckpoint {
  std::string bytes = {};
  Superblock superblock = {};
  KeptCheckpoint kept = {};
};

Result<SealedCheckpoint> SealCheckpoint(const ObjectId& id,
                                        const LogPosition& position,
                                        const Delta& state) {
  const uint64_t sequence = position.last.sequence;
  SealedCheckpoint sealed;
  DRIVEROOT_ASSIGN_OR_RETURN(sealed.bytes, EncodeCheckpoint(position, state));
  sealed.kept = {.sequence = sequence,
                 .id = id,
                 .hash = {},
                 .size = sealed.bytes.size(),
                 .sealed_at = position.last.sealed_at,
                 .next_object = state.next_object};
  Hash& seal = sealed.kept.hash;
  std::copy_n(sealed.bytes.end() - static_cast<ptrdiff_t>(seal.size()),
              seal.size(), seal.begin());
  sealed.superblock = {.uuid = position.last.volume_uuid,
                       .checkpoint = {.id = id,
                                      .hash = seal,
                                      .size = sealed.bytes.size(),
                                      .sequence = sequence},
                       .log = {.sequence = sequence,
                               .hash = position.hash,
                               .sealed_at = position.last.sealed_at,
                               .next = LikelyNextIds(position.last)},
                       .boot = BootRanges(state)};
  return sealed;
}

// All but the superblock.
Status StoreParts(ObjectStore& store, const Persist& persist,
                  const NewVolume& volume, const LogPosition& position,
                  const SealedCheckpoint& sealed) {
  const std::string number = ObjectName(sealed.kept.sequence);
  const std::vector<std::function<Status()>> parts = {
      [&]() -> Status {
        if (volume.record.empty()) return {};
        return CreateOwn(store, persist, volume.record, ObjectKind::kLogRecord,
                         number, volume.record_bytes);
      },
      [&] {
        return CreateOwn(store, persist, volume.checkpoint,
                         ObjectKind::kCheckpoint, number, sealed.bytes);
      },
      [&] {
        return CreateOwn(store, persist, volume.readme, ObjectKind::kReadme,
                         "README.txt", ReadmeText(position.last.volume_uuid));
      },
  };
  // While data is on its way nobody waits for these, so they come one after the
  // other: Drive takes no more than some creates a second.
  const size_t at_once = volume.finish_data == nullptr ? parts.size() : 1;
  std::vector<Status> stored(parts.size());
  ParallelFor(parts.size(), at_once, [&](size_t i) { stored[i] = parts[i](); });
  if (volume.finish_data != nullptr) stored.push_back(volume.finish_data());
  for (const Status& each : stored) {
    if (each) continue;
    if (each.error().code() != ErrorCode::kAlreadyExists) return each;
    // Their ids are fresh, so it was no other writer.
    return Fail(ErrorCode::kDataLoss,
                "an id that the store gave for the new volume belongs to "
                "something else; try again");
  }
  return {};
}

}  // namespace

Result<KeptCheckpoint> WriteCheckpoint(
    ObjectStore& store, const Persist& persist,
    const std::function<Result<ObjectId>()>& take_id,
    const LogPosition& position, const Delta& state) {
  DRIVEROOT_ASSIGN_OR_RETURN(ObjectId id, take_id());
  DRIVEROOT_ASSIGN_OR_RETURN(SealedCheckpoint sealed,
                             SealCheckpoint(id, position, state));
  const uint64_t sequence = sealed.kept.sequence;
  DRIVEROOT_RETURN_IF_ERROR(
      CreateUnderFreshId(store, persist, take_id, id, ObjectKind::kCheckpoint,
                         ObjectName(sequence), sealed.bytes));
  sealed.kept.id = id;
  sealed.superblock.checkpoint.id = id;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string superblock,
                             EncodeSuperblock(sealed.superblock));
  if (!IsOvertaken(store, position.last)) {
    DRIVEROOT_RETURN_IF_ERROR(
        persist([&] { return store.WriteSuperblock(superblock); }));
  }
  return sealed.kept;
}

Result<KeptCheckpoint> WriteCheckpoint(ObjectStore& store,
                                       const Persist& persist,
                                       const ObjectId& id,
                                       const LogPosition& position,
                                       const Delta& state) {
  bool given = false;
  const auto take_id = [&]() -> Result<ObjectId> {
    if (!std::exchange(given, true)) return id;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectId> ids,
                               store.NewIds(1));
    return ids.front();
  };
  return WriteCheckpoint(store, persist, take_id, position, state);
}

Result<KeptCheckpoint> MakeVolume(ObjectStore& store, const Persist& persist,
                                  const NewVolume& volume,
                                  const LogPosition& position,
                                  const Delta& state) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const SealedCheckpoint sealed,
      SealCheckpoint(volume.checkpoint, position, state));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string superblock,
                             EncodeSuperblock(sealed.superblock));
  DRIVEROOT_RETURN_IF_ERROR(
      StoreParts(store, persist, volume, position, sealed));
  const Status created =
      persist([&] { return store.CreateSuperblock(superblock); });
  if (created) return sealed.kept;
  if (created.error().code() != ErrorCode::kAlreadyExists) {
    return std::unexpected(created.error());
  }
  // An answer that was lost: it is our own.
  std::string there;
  DRIVEROOT_RETURN_IF_ERROR(persist([&]() -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(there, store.ReadSuperblock());
    return {};
  }));
  if (there == superblock) return sealed.kept;
  return Fail(ErrorCode::kAlreadyExists,
              "another writer made the volume at the same time");
}

LogPosition StartOfLog(const ObjectId& first_record,
                       const WriterIdentity& writer, TimeNs now) {
  return {.last = {.volume_uuid = NewUuid(),
                   .type = RecordType::kClose,
                   .sequence = 0,
                   .epoch = 0,
                   .sealed_at = now,
                   .previous = {},
                   .next_ids = {first_record},
                   .writer = writer},
          .hash = {}};
}

}  // namespace driveroot
