// SPDX-License-Identifier: Apache-2.0
//
// Gives back space on a store that is so full that not even the record fits
// with which a writer begins. A detail of `driveroot gc`.
#ifndef DRIVEROOT_VOLUME_FREE_SPACE_H_
#define DRIVEROOT_VOLUME_FREE_SPACE_H_

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/garbage_options.h"
#include "driveroot/volume/retention.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {

// Deletes, and writes nothing: objects and checkpoints that no state needs
// which `policy` keeps, and log records from before all of these. States that
// it gives up can be named until the next writer says in the log that they are
// gone; that writer should be the caller. The present state needs none of it.
//
// kBusy: the volume looks in use, and `steal` is not set. Else the errors of
// Recover().
Result<GarbageReport> FreeWithoutWriting(ObjectStore& store,
                                         const RetentionPolicy& policy,
                                         bool steal, TimeNs now);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_FREE_SPACE_H_
