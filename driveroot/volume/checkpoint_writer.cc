// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/checkpoint_writer.h"

#include <algorithm>
#include <string>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/superblock.h"

namespace driveroot {

namespace {

// Whether another writer's superblock is there, which must stay: a late one of
// ours would send readers back to where records may be gone.
bool IsOvertaken(ObjectStore& store, uint64_t sequence) {
  const Result<std::string> there = store.ReadSuperblock();
  if (!there) return false;
  const Result<Superblock> superblock = ParseSuperblock(*there);
  return superblock && superblock->log.sequence > sequence;
}

}  // namespace

Result<KeptCheckpoint> WriteCheckpoint(ObjectStore& store,
                                       const Persist& persist,
                                       const ObjectId& id,
                                       const LogPosition& position,
                                       const Delta& state) {
  const uint64_t sequence = position.last.sequence;
  const std::string bytes = EncodeCheckpoint(position, state);
  Superblock superblock{
      .uuid = position.last.volume_uuid,
      .checkpoint = {.id = id, .size = bytes.size(), .sequence = sequence},
      .log = {.sequence = sequence,
              .hash = position.hash,
              .next = LikelyNextIds(position.last)}};
  Hash& seal = superblock.checkpoint.hash;
  std::copy_n(bytes.end() - static_cast<ptrdiff_t>(seal.size()), seal.size(),
              seal.begin());
  const Status created = persist([&] {
    return store.Create(id, ObjectKind::kCheckpoint, ObjectName(sequence),
                        bytes);
  });
  // Nobody else is given this id, so it was this very call that created it.
  if (!created && created.error().code() != ErrorCode::kAlreadyExists) {
    return std::unexpected(created.error());
  }
  if (!IsOvertaken(store, sequence)) {
    DRIVEROOT_RETURN_IF_ERROR(persist(
        [&] { return store.WriteSuperblock(EncodeSuperblock(superblock)); }));
  }
  return KeptCheckpoint{.sequence = sequence,
                        .id = id,
                        .hash = seal,
                        .size = bytes.size(),
                        .sealed_at = position.last.sealed_at,
                        .next_object = state.next_object};
}

}  // namespace driveroot
