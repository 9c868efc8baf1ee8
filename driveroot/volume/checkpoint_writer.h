// SPDX-License-Identifier: Apache-2.0
//
// Stores a checkpoint and then a superblock that names it, unless the
// superblock knows of later records: then another writer took over.
// Thread-safe.
#ifndef DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_
#define DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/data_writer.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

// `state` is the whole metadata as of `position`, which is durable.
Result<KeptCheckpoint> WriteCheckpoint(ObjectStore& store,
                                       const Persist& persist,
                                       const ObjectId& id,
                                       const LogPosition& position,
                                       const Delta& state);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CHECKPOINT_WRITER_H_
