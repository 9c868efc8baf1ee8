// SPDX-License-Identifier: Apache-2.0
//
// DataWriter brings frames of data to the store: hashes them, leaves out those
// whose bytes are stored already, compresses the rest, and either uploads them
// as segments or, when they are few, returns them to go into a log record.
//
// Lock order: Volume's lock is taken for short times, never while a call of the
// store runs. Thread-safe; starts more threads for the work.
#ifndef DRIVEROOT_VOLUME_DATA_WRITER_H_
#define DRIVEROOT_VOLUME_DATA_WRITER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/create_object.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/segment.h"

namespace driveroot {

// Ids that were generated beforehand, many at a time. Thread-safe.
class IdPool {
 public:
  IdPool(ObjectStore& store, Persist persist)
      : store_(store), persist_(std::move(persist)) {}

  Result<ObjectId> Take();

  // Whether Take returned this id, ever.
  bool IsTaken(const ObjectId& id);

  // Whether Take() returns at once.
  bool HasSome() const;

 private:
  ObjectStore& store_;
  const Persist persist_;
  std::mutex fetch_mutex_;    // held while ids are generated; before mutex_
  mutable std::mutex mutex_;  // guards what is below
  std::deque<ObjectId> ids_;
  std::unordered_set<ObjectId> taken_;
};

// Where frames went, for the delta of the transaction that they belong to.
struct StoredData {
  std::vector<FrameDelta> frames;
  std::vector<ObjectDelta> objects;
  // What goes into the record itself. Its frames are among the above, in the
  // object of number `inline_object`.
  std::string inline_frames;
  ObjectNumber inline_object = 0;  // 0: none
};

// A segment that is not on the store yet.
struct PlacedSegment {
  ObjectDelta object;
  std::string bytes;
  std::vector<FrameDelta> frames;  // that lie in it
  bool stored = false;
};

struct PlacedData {
  StoredData data;
  std::vector<PlacedSegment> segments;
};

struct DataWriterCounters {
  std::atomic<uint64_t> segments = 0;
  std::atomic<uint64_t> stored_bytes = 0;  // of segments
  std::atomic<uint64_t> raw_bytes = 0;     // of all frames that found a place
};

class DataWriter {
 public:
  struct Parts {
    ObjectStore& store;
    Metadata& metadata;
    std::shared_mutex& mutex;  // Volume's, guards metadata
    FrameCache& cache;
    IdPool& ids;
    Persist persist;
    // Called with `mutex` held, whenever frames have found their place.
    std::function<void()> stored;
    uint64_t segment_bytes;  // at most, but for a segment's index
    Compression compression;
  };

  explicit DataWriter(Parts parts) : parts_(std::move(parts)) {}

  // Finds places for `frames`. Those that go into segments, and those whose
  // bytes were stored before, have them in the metadata when this returns;
  // `note_change` is for Metadata. The others, when they compress to at most
  // `max_inline_bytes`, are returned to go into the record of id `record_id`.
  // The segments are to be uploaded before anything on the store refers to
  // them; until then their frames stay in memory.
  Result<PlacedData> Place(std::span<const UnstoredFrame> frames,
                           uint64_t max_inline_bytes, const ObjectId& record_id,
                           bool note_change);
  // Brings them to the store. With `ids_may_change` one whose id turns out to
  // be taken by something else gets another, here and in the metadata; without,
  // that is kDataLoss. After an error, `stored` says of each whether it is
  // there.
  Status Upload(std::span<PlacedSegment> segments, bool ids_may_change);
  // Those that are not stored never will be.
  void GiveUp(std::span<const PlacedSegment> segments);

  // Of frames in segments that have their places and are not on the store yet,
  // before compression.
  uint64_t placed_bytes() const { return placed_bytes_; }

  // Makes an object known of which no record tells, and its frames, whose
  // object does not matter, something that FindKnown finds.
  void Adopt(const ObjectInfo& object, std::span<const FrameDelta> frames);

  // Puts the places of `frames`, all in `objects` or known ones, into the
  // metadata.
  void SetPlaces(std::span<const ObjectDelta> objects,
                 std::span<const FrameDelta> frames, bool note_change);

  // Lets the bytes in memory of frames go whose objects are on the store now.
  // May run at the same time as the others.
  void ReleaseFrames(std::span<const FrameDelta> frames);

  const DataWriterCounters& counters() const { return counters_; }

 private:
  struct Work {
    explicit Work(UnstoredFrame frame) : source(std::move(frame)) {}

    UnstoredFrame source;
    Hash hash = {};
    std::optional<EncodedFrame> encoded;
    // Holds the same bytes as another one of this call, which comes before.
    std::optional<size_t> same_as;
    std::optional<FrameDelta> place;
  };

  void FindKnown(std::vector<Work>& work);
  // Compresses all of them, on all processors.
  void EncodeAll(std::span<Work* const> work) const;
  // False, and nothing done but some compression, when it is too much.
  bool PutInline(std::vector<Work>& work, uint64_t max_inline_bytes,
                 const ObjectId& record_id, StoredData& data);
  Status PutIntoSegments(std::vector<Work>& work, bool note_change,
                         PlacedData& placed);
  // A segment without anything in it.
  Result<PlacedSegment> NewSegment();
  Status FillSegment(PlacedSegment& segment, std::span<Work* const> work,
                     bool note_change);
  void AddFrames(PlacedSegment& segment, std::span<const FrameDelta> frames,
                 bool note_change);
  Status UploadSegment(PlacedSegment& segment, bool ids_may_change);
  void Encode(Work& work) const;

  const Parts parts_;
  DataWriterCounters counters_;
  std::atomic<uint64_t> placed_bytes_ = 0;
  std::mutex adopted_mutex_;  // guards adopted_; after Volume's
  std::map<Hash, FrameDelta> adopted_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_DATA_WRITER_H_
