// SPDX-License-Identifier: Apache-2.0
//
// Stores a checkpoint and then a superblock that names it. Thread-safe.
#ifndef DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_
#define DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_

#include <functional>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/data_writer.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

// `state` is the whole metadata as of `position`, which is durable. The
// superblock stays as it is when it knows of later records: then another writer
// took over. `take_id` gives ids that nobody else is given.
Result<KeptCheckpoint> WriteCheckpoint(
    ObjectStore& store, const Persist& persist,
    const std::function<Result<ObjectId>()>& take_id,
    const LogPosition& position, const Delta& state);

// The same under a fresh id that is known already.
Result<KeptCheckpoint> WriteCheckpoint(ObjectStore& store,
                                       const Persist& persist,
                                       const ObjectId& id,
                                       const LogPosition& position,
                                       const Delta& state);

// What a new volume consists of, besides its superblock; by fresh ids.
struct NewVolume {
  ObjectId readme;
  ObjectId checkpoint;
  ObjectId record = {};  // its first one, if there is one
  std::string_view record_bytes = {};
  // Waits until the data that these refer to is on the store; null: it is.
  std::function<Status()> finish_data = nullptr;
};

// Makes a volume whose first state is `state`, of `position`. It becomes a
// volume when its superblock is created, which comes last, so there is no
// half-made one: what else it consists of may be stored in any order.
// kAlreadyExists: another writer made it meanwhile.
Result<KeptCheckpoint> MakeVolume(ObjectStore& store, const Persist& persist,
                                  const NewVolume& volume,
                                  const LogPosition& position,
                                  const Delta& state);

// Where the log of a new volume begins; `first_record` is the id of its first
// record.
LogPosition StartOfLog(const ObjectId& first_record,
                       const WriterIdentity& writer, TimeNs now);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_
