// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/checkpoint_writer.h"

#include <algorithm>
#include <string>

#include "driveroot/volume/checkpoint.h"

namespace driveroot {

Result<Superblock> WriteCheckpoint(ObjectStore& store, const Persist& persist,
                                   const ObjectId& id,
                                   const LogPosition& position,
                                   const Delta& state) {
  const std::string bytes = EncodeCheckpoint(position, state);
  Superblock superblock{
      .uuid = position.last.volume_uuid,
      .checkpoint = {.id = id,
                     .size = bytes.size(),
                     .sequence = position.last.sequence},
      .log = {.sequence = position.last.sequence, .hash = position.hash}};
  Hash& seal = superblock.checkpoint.hash;
  std::copy_n(bytes.end() - static_cast<ptrdiff_t>(seal.size()), seal.size(),
              seal.begin());
  const Status created = persist([&] {
    return store.Create(id, ObjectKind::kCheckpoint,
                        ObjectName(position.last.sequence), bytes);
  });
  // Nobody else is given this id, so it was this very call that created it.
  if (!created && created.error().code() != ErrorCode::kAlreadyExists) {
    return std::unexpected(created.error());
  }
  DRIVEROOT_RETURN_IF_ERROR(persist(
      [&] { return store.WriteSuperblock(EncodeSuperblock(superblock)); }));
  return superblock;
}

}  // namespace driveroot
