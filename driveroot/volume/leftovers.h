// SPDX-License-Identifier: Apache-2.0
//
// Segments that a writer brought to the store and stopped before any record
// referred to them, such as a push that was broken off. Whoever writes the same
// data again need not send it again: the index at the end of each segment says
// what is in it. Thread-safe.
#ifndef DRIVEROOT_VOLUME_LEFTOVERS_H_
#define DRIVEROOT_VOLUME_LEFTOVERS_H_

#include <set>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

struct Leftover {
  ObjectInfo object;
  std::vector<FrameDelta> frames;  // by offset; of object 0
};

// The segments in `store` but those of the ids `known`. Those whose index is
// not in order are left out. Errors are those of the store.
Result<std::vector<Leftover>> FindLeftovers(ObjectStore& store,
                                            const std::set<ObjectId>& known);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_LEFTOVERS_H_
