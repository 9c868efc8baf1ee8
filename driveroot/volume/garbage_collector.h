// SPDX-License-Identifier: Apache-2.0
//
// GarbageCollector gives back the space of what no kept state needs.
//
// What it does, in this order, so that a crash after any step loses nothing and
// leaves nothing for ever:
// 1. lists what lies on the store (`sweep`);
// 2. moves the live rest of mostly dead objects into new segments, and writes
//    anew what of files lies in mostly dead frames (`compact`), after which the
//    old objects are dead;
// 3. writes a checkpoint (`checkpoint`), so that what is dead is not needed for
//    getting back to the present;
// 4. gives up past states, as the retention policy says;
// 5. waits until all that is durable: from here on nobody can need what is
//    deleted, neither this writer after a crash nor another one;
// 6. deletes dead objects that no kept state needs, and then forgets them;
// 7. deletes what was listed in step 1 and belongs to no state at all: old log
//    records, dropped checkpoints, segments of writers who stopped before they
//    committed. The record of step 5 proves that no other writer had the volume
//    when it was listed.
//
// With `delete_first`, steps 4 to 7 come before step 2, too, and what is dead
// and not needed as far as the log says goes before all of them. So a full
// store gets the room that writing takes.
//
// Readers who still know an older place of some data find it there as long as
// the policy keeps records.
//
// Lock order: Volume's lock is taken for short times, never while a call of the
// store runs. One thread at a time.
#ifndef DRIVEROOT_VOLUME_GARBAGE_COLLECTOR_H_
#define DRIVEROOT_VOLUME_GARBAGE_COLLECTOR_H_

#include <cstdint>
#include <functional>
#include <shared_mutex>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/compactor.h"
#include "driveroot/volume/data_writer.h"
#include "driveroot/volume/garbage_options.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/rewriter.h"

namespace driveroot {

class GarbageCollector {
 public:
  struct Parts {
    ObjectStore& store;
    Metadata& metadata;
    std::shared_mutex& mutex;  // Volume's, guards metadata
    IdPool& ids;
    Compactor& compactor;
    Rewriter& rewriter;
    // Return when a record that was appended after the call is durable, and
    // after that one a checkpoint.
    std::function<Status()> append_record;
    std::function<Status()> write_checkpoint;
    std::function<TimeNs()> now;
    // See PlanRetention.
    std::function<std::vector<TimeLeap>()> leaps;
  };

  explicit GarbageCollector(Parts parts) : parts_(std::move(parts)) {}

  // Errors are those of the store, and kFenced. What was done stays done.
  Result<GarbageReport> Run(const GarbageOptions& options);

  // Whether Run without a sweep would do anything.
  bool HasWork(const GarbageOptions& options) const;
  // Whether the past is larger than it may be as long as there is no newer
  // checkpoint.
  bool NeedsCheckpoint(const RetentionPolicy& policy) const;

  // Steps 4 and 6 by themselves, for around the last record of a writer. The
  // first returns how many checkpoints were dropped.
  size_t ShortenHistory(const RetentionPolicy& policy);
  Status DeleteDeadObjects(size_t max_count, GarbageReport& report);

 private:
  struct Listing {
    std::vector<ObjectInfo> records;
    std::vector<ObjectInfo> checkpoints;
    std::vector<ObjectInfo> segments;
  };

  // Steps 4 to 7.
  Status Delete(const Listing& listing, const GarbageOptions& options,
                GarbageReport& report);
  // Steps 2 and 3.
  Status Write(const GarbageOptions& options, GarbageReport& report);
  Result<Listing> List();
  Status Compact(const GarbageOptions& options, GarbageReport& report);
  // What to move as it is, and what to write anew.
  struct Chosen {
    std::vector<FrameNumber> to_move;
    std::unordered_set<FrameNumber> to_rewrite;
  };
  Chosen ChooseFrames(const GarbageOptions& options) const;
  Status Sweep(const Listing& listing, GarbageReport& report);
  // Deletes objects, some at a time; those that are gone already count, too.
  Status Delete(std::span<const ObjectId> ids);

  const Parts parts_;
  // Records up to this one are gone or may go: nobody is so far behind that it
  // could take the place of one of them for the end of the log.
  uint64_t deletable_records_ = 0;
  // All that was given up of the past is known to the log.
  bool history_is_durable_ = true;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_GARBAGE_COLLECTOR_H_
