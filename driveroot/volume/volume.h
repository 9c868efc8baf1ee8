// SPDX-License-Identifier: Apache-2.0
//
// Volume is one mounted file system on an ObjectStore: its Metadata in memory,
// the log that makes changes durable, and the way to stored bytes.
//
//   auto volume = Volume::Open(std::move(store), options);
//   {
//     Result<Volume::WriteLock> lock = (*volume)->Write();
//     InodeNumber file = (*lock)->CreateInode(…);
//     (*lock)->PutDentry(kRootInode, "hello", file);
//   }                       // accepted: part of the next record
//   (*volume)->Sync();      // durable
//
// Guarantees (SEMANTICS.md has them in full): all changes made under one
// WriteLock become durable together or not at all; changes become durable in
// the order in which their locks were taken; Sync returns only when everything
// accepted before it is durable; bytes read were checked against their hash.
//
// Thread-safety: all methods may be called from any thread. A thread must not
// take a second lock, call Sync or read stored data while it holds one: no lock
// is held across a wait for the network.
#ifndef DRIVEROOT_VOLUME_VOLUME_H_
#define DRIVEROOT_VOLUME_VOLUME_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/fetcher.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/cache/prefetch_store.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/compaction_result.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/garbage_options.h"
#include "driveroot/volume/history_point.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/retention.h"

namespace driveroot {

class Committer;
struct RecoveredLog;
class Compactor;
class GarbageCollector;
class LogClock;
class Rewriter;

struct FormatOptions {
  // The root directory's owner; its mode is 0755.
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct VolumeOptions {
  bool read_only = false;

  // The state at a point of the past, read-only.
  std::optional<HistoryPoint> at;

  // Records that continue the log after `at`, or after its end, and are not on
  // the store: the state after them. Read-only.
  std::vector<std::string> unsent_records = {};

  // Opens a volume whose names are not in order, too, and removes nothing, for
  // RepairVolume.
  bool for_repair = false;

  // Uses again what the last writer brought to the store, if it stopped without
  // closing the volume: leftovers.h.
  bool adopt_leftovers = false;

  // When there is no volume, the first commit makes one, which begins with that
  // record: nothing is there before.
  bool make_if_missing = false;

  // Takes the volume over although it looks live elsewhere.
  bool steal = false;

  // A machine boots from it: what the last boot read is fetched in its order,
  // from when the superblock is known.
  bool is_boot = false;

  // Lets Open return before its record is on the store. If another writer opens
  // the volume at the same time, this one may find itself fenced soon after.
  bool open_in_background = false;

  // Makes everything durable in one record, when Sync or Close is called and at
  // no other time: readers see the state before or after, never between. Data
  // is uploaded as it comes.
  bool single_transaction = false;

  // An accepted change is durable after this time while the network is up.
  std::chrono::milliseconds commit_interval{5000};

  // Unstored data that starts a commit, and at which writers wait.
  uint64_t commit_bytes = 32 << 20;
  uint64_t max_unstored_bytes = 128 << 20;
  // With single_transaction, the data that is uploaded first; 0: commit_bytes.
  uint64_t first_upload_bytes = 0;

  // Data of a transaction up to this many stored bytes goes into its record.
  uint64_t max_inline_bytes = 4 << 20;
  uint64_t segment_bytes = 32 << 20;
  Compression compression = Compression::kQuick;

  // Memory for frames that were read or written, before compression.
  uint64_t cache_bytes = 256 << 20;

  // What the metadata may take in memory; see Volume::CheckRoom. At most
  // limits::kMetadataBytes.
  uint64_t metadata_bytes = limits::kMetadataBytes;

  // Whether what is read in order is read ahead. False: whoever reads says with
  // FetchAhead what comes.
  bool read_ahead = true;

  // Whether a store that stays unavailable is waited for, as under a mounted
  // file system, or makes Sync and Close fail after the store's own attempts.
  // Either way nothing is given up: it is tried again in the background.
  bool wait_for_network = true;

  // The first wait before a call of the store is repeated; doubles up to 64
  // times this.
  std::chrono::milliseconds retry_delay{1000};

  // What of the past garbage collection keeps.
  RetentionPolicy retention = {};

  // How often an idle volume looks for garbage, and whether Close does; 0:
  // never. Idle is one of which no file was read or written since the last
  // look, but what the kernel's cache has.
  std::chrono::milliseconds garbage_interval{0};

  // The time, for what is written down and for retention (see log_clock.h);
  // null: the system's. And the time that passed, of which only differences
  // count; null: by `now` if there is one, else since the machine started.
  std::function<TimeNs()> now;
  std::function<std::chrono::nanoseconds()> elapsed;

  // After so long without a record of its own, time asleep included, a writer
  // looks at the superblock before it appends one: of what another writer did
  // meanwhile the records may be deleted by now, and Drive might give out their
  // ids again. To be shorter than any record is kept.
  std::chrono::milliseconds absence{std::chrono::minutes(10)};

  // Who writes: see writer_identity.h. Empty: found out from the system.
  std::string host_name;
  std::string boot_id;
  std::string writer_id;
};

// What a change of a volume adds, and so when there is room for it: bytes of
// files, up to VolumeOptions::max_unstored_bytes; only names and attributes, up
// to twice as much; or nothing, as when something is removed, always.
enum class ChangeKind : uint8_t { kData, kTree, kRemoval };

// Everything that was accepted until a moment; see Volume::StartSync.
struct SyncPoint {
  uint64_t transaction = 0;
  uint64_t failures = 0;  // refusals of the store before it
  uint64_t seals = 0;     // attempts to store before it
};

// How what a boot reads lies on the store.
struct BootLayout {
  uint64_t frames = 0;
  uint64_t bytes = 0;          // of these frames, as stored
  uint64_t bytes_fetched = 0;  // with what lies between them
  uint64_t requests = 0;       // that fetch it

  // Whether moving it would gain anything worth the while.
  bool IsGood() const;
};

// What `driveroot status` shows. Bytes unless said otherwise.
struct VolumeStatus {
  std::string uuid;
  bool read_only = false;
  bool fenced = false;
  std::string fenced_by;   // the host that took over, when known
  std::string last_error;  // of storing or reading, empty when all is well
  // What was to be stored last did not fit.
  bool store_is_full = false;
  uint64_t uncommitted_inodes = 0;
  uint64_t epoch = 0;
  uint64_t last_durable_record = 0;  // sequence number
  uint64_t checkpoint_record = 0;    // the newest checkpoint's
  uint64_t inodes = 0;
  uint64_t data_bytes = 0;
  uint64_t unstored_bytes = 0;    // accepted, not yet on the store
  uint64_t metadata_bytes = 0;    // in memory, at an estimate
  uint64_t metadata_limit = 0;    // of these
  uint64_t present_bytes = 0;     // of objects that hold present data
  uint64_t live_bytes = 0;        // of present_bytes, what is not overwritten
  uint64_t past_bytes = 0;        // that only past states need
  uint64_t past_limit_bytes = 0;  // what they may take; 0: no bound
  uint64_t records_written = 0;   // since mount, as all below
  uint64_t segments_written = 0;
  uint64_t checkpoints_written = 0;
  uint64_t bytes_written = 0;
  uint64_t garbage_bytes_written = 0;  // of bytes_written, by compaction
  uint64_t fetches = 0;
  uint64_t bytes_fetched = 0;
  uint64_t bytes_used = 0;  // of those fetched, in frames that were asked for
  uint64_t waiting_requests = 0;  // of the kernel; FuseSession counts them
  uint64_t reads_that_waited = 0;
  uint64_t wait_milliseconds = 0;  // of all these
  uint64_t fetches_cancelled = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_bytes = 0;
  BootLayout boot;
};

// Told what a long call is doing; from one thread at a time.
struct VolumeProgress {
  std::string_view what;  // e.g. "uploading data"
  uint64_t done = 0;      // bytes
  uint64_t total = 0;     // 0: not known
};
using ProgressCallback = std::function<void(const VolumeProgress&)>;

class Volume {
 public:
  // Shared access to the metadata for as long as it lives.
  class ReadLock {
   public:
    explicit ReadLock(const Volume& volume)
        : lock_(volume.mutex_), metadata_(&volume.metadata_) {}
    const Metadata& operator*() const { return *metadata_; }
    const Metadata* operator->() const { return metadata_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    const Metadata* metadata_;
  };

  // Sole access to the metadata for as long as it lives. What is changed
  // through one WriteLock is one atomic step.
  class WriteLock {
   public:
    explicit WriteLock(Volume& volume)
        : lock_(volume.mutex_), volume_(&volume) {}
    WriteLock(WriteLock&&) = default;
    WriteLock& operator=(WriteLock&&) = delete;
    ~WriteLock();
    Metadata& operator*() const { return volume_->metadata_; }
    Metadata* operator->() const { return &volume_->metadata_; }

   private:
    std::unique_lock<std::shared_mutex> lock_;
    Volume* volume_;
  };

  // Makes an empty volume in an empty store. kAlreadyExists: there is a
  // superblock; nothing was changed.
  static Status Format(ObjectStore& store, const FormatOptions& options);

  // Reads the superblock, the newest checkpoint and the records after it, and,
  // unless read-only, appends an open record: at the least three round trips,
  // or two when that is done in the background.
  //
  // kNotFound: no volume there. kUnsupportedVersion: made by a newer driveroot.
  // kDataLoss: damaged; the message names the object. kNotFound also when the
  // point `options.at` is not kept. kBusy: it looks live on
  // another host; the message says where and how to take it over.
  static Result<std::unique_ptr<Volume>> Open(
      std::unique_ptr<ObjectStore> store, const VolumeOptions& options);

  // Stops at once. What is not durable is lost: call Close first.
  ~Volume();

  ReadLock Read() const { return ReadLock(*this); }

  // Whether a change adds data, for which there must be room in memory.
  enum class Room { kNeeded, kNotNeeded };

  // Waits while too much data is unstored, if room is needed. kReadOnly, or
  // kFenced after another writer took over. When too much is unstored because
  // the store refuses it, that error: kOutOfSpace when it is full, and has been
  // asked anew.
  Result<WriteLock> Write(Room room = Room::kNeeded);

  // The same for threads that must not wait: kUnavailable when there is no room
  // for it now. The listener is told when there may be. A store that refuses
  // the data until it is repaired (kPermissionDenied, kUnauthenticated) counts
  // as no room.
  Result<WriteLock> TryWrite(ChangeKind kind);

  // Sync for threads that must not wait: begins it, and its result, or nullopt
  // as long as it is under way. The listener is told when to look again. What
  // the user or time repairs is waited for.
  SyncPoint StartSync();
  std::optional<Status> SyncResult(const SyncPoint& point) const;

  // `listener` is called, from any thread and with locks held, whenever there
  // may be room for data or the result of a sync. It must only wake a thread.
  // Returns when no call of the one before it is under way. Null: none.
  void SetListener(std::function<void()> listener);

  // Whether the metadata, whose lock the caller holds, may take `more` bytes
  // more: kOutOfSpace when it would exceed VolumeOptions::metadata_bytes, which
  // is logged once until there is room again. A tenth is set aside for
  // `privileged` callers. To be asked before anything is made; what removes
  // something needs no leave.
  Status CheckRoom(const Metadata& metadata, uint64_t more, bool privileged);
  // The same for one file, which is to have `count` extents.
  Status CheckExtents(uint64_t count);

  // Returns when everything accepted before the call is durable. Waits out the
  // network. kFenced: another writer took over, it never will be. kOutOfSpace:
  // the store is full; everything stays in memory and is tried again.
  Status Sync(const ProgressCallback& progress = nullptr);

  // Reads the stored parts that Metadata::ReadData returned into `out`. `ahead`
  // are frames that `reader`, an inode, is likely to want next: they are
  // fetched without waiting for them.
  // kDataLoss: bytes do not match their hash, even when fetched again.
  Status ReadStored(std::span<const StoredPiece> pieces, std::span<char> out,
                    std::span<const StoredFrame> ahead = {},
                    InodeNumber reader = kNoInode);

  // The bytes of stored frames themselves, in their order, to be shared instead
  // of copied. All else as with ReadStored.
  Result<std::vector<FrameBytes>> ReadFrames(
      std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
      InodeNumber reader);

  // ReadFrames for threads that must not wait: the result if all is in memory,
  // else nullopt, and `done` gets it later (Fetcher::FetchThen).
  std::optional<Result<std::vector<FrameBytes>>> ReadFramesThen(
      std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
      InodeNumber reader, Fetcher::Done done, Fetcher::Ticket* ret_ticket);
  // Afterwards `done` is not called, unless the call is under way.
  void CancelRead(Fetcher::Ticket ticket);

  // Makes the tree what it was at a point of the past, as one change that is to
  // be synced like any other, and can be undone in the same way. Returns the
  // number of the record after which it was so. Only while nobody has anything
  // open. kNotFound: that point is not kept.
  Result<uint64_t> RollBack(const HistoryPoint& point);

  // Moves frames into new segments, in the order in which they are named; see
  // compactor.h. To be synced like any other change. kReadOnly.
  Result<CompactionResult> Compact(std::span<const FrameNumber> frames);

  // Gives back the space of what no kept state needs; see garbage_collector.h.
  // kReadOnly, and the errors of Sync and the store.
  Result<GarbageReport> CollectGarbage(const GarbageOptions& options);

  // The requests that fetch `frames`, which are in the order of their use, in
  // the order in which they are needed: frames that lie close together share
  // one. For whoever knows what he will read.
  static std::vector<std::vector<StoredFrame>> PlanFetches(
      std::span<const StoredFrame> frames);
  // Begins such a request; what it brings waits in the cache.
  void FetchAhead(std::span<const StoredFrame> frames);

  // `reader` does not go on where it seemed to.
  void CancelReadAhead(InodeNumber reader);

  // ---- The boot trace (boot.cc)

  // Fills the cache in the background with what the last boot read, in its
  // order. With VolumeOptions::is_boot, Open does.
  void StreamBootTrace();

  // From now on what is read is noted. KeepBootTrace() makes it the boot trace,
  // unless it is much shorter than the one before, as after a boot that was
  // broken off; false: there was nothing to keep. It becomes durable like any
  // change.
  void StartBootTrace();
  Result<bool> KeepBootTrace();
  // Where the frames of the boot trace lie.
  BootLayout GetBootLayout() const;
  // Moves them into segments of their own, in their order, unless they lie well
  // already. To be synced like any other change. kReadOnly.
  Result<CompactionResult> OptimizeBoot();

  // How long nothing was read that had not been read before; nothing when no
  // trace is being taken.
  std::optional<std::chrono::milliseconds> BootTraceIdle() const;

  // Sync, then a checkpoint when the log has records after the last one, a
  // closing record and a fresh superblock. After it only reading works.
  Status Close(const ProgressCallback& progress = nullptr);

  // The end of a volume that cannot be stored: the store is one that keeps what
  // is created from now on (driveroot/unsent), and gets all that is not
  // durable, also when another writer took over. Only reading works after it.
  Status Keep();

  // Inodes that changed in what is not durable: what would be lost if the
  // volume were given up now, as after another writer took over.
  std::set<InodeNumber> UncommittedInodes() const;

  VolumeStatus GetStatus() const;
  Result<StoreSpace> Space();

  // Whether the store had no room for what was to be stored last.
  bool StoreIsFull() const;
  ObjectStore& store();

 private:
  class Index;

  std::vector<StoredFrame> BootFrames() const;

  Volume(std::unique_ptr<ObjectStore> store, const VolumeOptions& options);
  RecoveredLog BeginNew();
  Status StartWriting(RecoveredLog log);
  Error Explained(const Error& error);
  Status FetchInto(std::span<const StoredPiece> pieces, std::span<char> out,
                   std::span<const StoredFrame> ahead, InodeNumber reader);
  void CollectWhenIdle(const std::stop_token& stop);

  const VolumeOptions options_;
  std::string uuid_;
  const std::unique_ptr<PrefetchStore> store_;
  // Guards metadata_. It comes before all locks of the parts below, none of
  // which is held when it is taken.
  mutable std::shared_mutex mutex_;
  Metadata metadata_;
  LogPosition recovered_;
  uint64_t checkpoint_record_ = 0;  // the newest one's when it was opened
  FrameCache cache_;
  std::unique_ptr<Index> index_;
  std::unique_ptr<Fetcher> fetcher_;
  std::once_flag past_looked_for_;  // whether options_.at is still kept
  std::atomic<bool> past_is_gone_ = false;
  // Null when read-only.
  std::unique_ptr<LogClock> clock_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Compactor> compactor_;
  std::unique_ptr<Rewriter> rewriter_;
  std::unique_ptr<GarbageCollector> garbage_collector_;
  std::mutex garbage_mutex_;  // held by whoever uses one of the two
  std::atomic<uint64_t> garbage_bytes_written_ = 0;
  std::atomic<uint64_t> write_locks_ = 0;  // that were taken
  std::atomic<bool> told_full_ = false;    // the log knows: CheckRoom
  std::atomic<bool> told_pieces_ = false;  // the same: CheckExtents
  std::atomic<uint64_t> reads_ = 0;        // calls of ReadStored and ReadFrames
  std::jthread garbage_thread_;            // last: it uses all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_VOLUME_H_
