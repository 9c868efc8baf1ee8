// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/leftovers.h"

#include <cstddef>
#include <mutex>
#include <utility>

#include "driveroot/volume/parallel.h"
#include "driveroot/volume/segment.h"

namespace driveroot {
namespace {

constexpr size_t kReads = 4;

}  // namespace

Result<std::vector<Leftover>> FindLeftovers(ObjectStore& store,
                                            const std::set<ObjectId>& known) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects,
                             store.List(ObjectKind::kSegment));
  std::erase_if(objects, [&known](const ObjectInfo& object) {
    return known.contains(object.id);
  });
  std::vector<Leftover> leftovers;
  std::mutex mutex;  // guards leftovers
  ParallelFor(objects.size(), kReads, [&](size_t i) {
    ObjectInfo& object = objects[i];
    Result<std::vector<FrameDelta>> frames =
        ReadSegmentIndex(object.size, [&](uint64_t offset, uint64_t length) {
          return store.Read(object.id, offset, length);
        });
    if (!frames) return;
    const std::lock_guard lock(mutex);
    leftovers.push_back({std::move(object), *std::move(frames)});
  });
  return leftovers;
}

}  // namespace driveroot
