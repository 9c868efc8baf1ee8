// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/volume.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <utility>
#include <vector>

#include "driveroot/volume/checkpoint_writer.h"
#include "driveroot/volume/committer.h"
#include "driveroot/volume/compactor.h"
#include "driveroot/volume/frame_copies.h"
#include "driveroot/volume/garbage_collector.h"
#include "driveroot/volume/log_clock.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/rewriter.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/writer_identity.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// A machine that is being switched off should not wait long: at three changes a
// second, which Drive allows, about ten seconds.
constexpr size_t kMaxDeletionsAtClose = 32;

// Without being asked, space is won back when this is worth a few requests, and
// early enough to stay below one and a half times what is live.
constexpr double kCompactIdleAbove = 1.45;
constexpr uint64_t kMinIdleGain = 8 << 20;

// Of the memory for metadata a tenth is for privileged callers, and a file may
// have a quarter. There is room again when a fifth is free, which is more than
// the tenth: or each attempt of somebody else would be told.
constexpr uint64_t kReserve = 10;
constexpr uint64_t kShareOfFile = 4;
constexpr uint64_t kRoomAgain = 5;

// Makes sense of options that contradict each other.
VolumeOptions Checked(VolumeOptions options) {
  if (options.at || !options.unsent_records.empty()) options.read_only = true;
  if (options.now == nullptr) {
    options.now = NowNs;
    if (options.elapsed == nullptr) options.elapsed = TimeSinceBoot;
  }
  options.max_unstored_bytes =
      std::max(options.max_unstored_bytes, options.commit_bytes);
  options.segment_bytes =
      std::max<uint64_t>(options.segment_bytes, kMaxFrameBytes);
  options.metadata_bytes =
      std::min(options.metadata_bytes, limits::kMetadataBytes);
  return options;
}

// Who plans what he reads wants it in about that order, and has it as soon as
// the link can bring it: two requests' worth, more than any link carries in a
// round trip, are always under way.
FetcherOptions FetcherOptionsFor(const VolumeOptions& options) {
  FetcherOptions result;
  if (options.read_ahead) return result;
  result.read_ahead = false;
  result.limits.read_ahead = result.threads;
  result.limits.read_ahead_bytes = 2 * result.max_window_bytes;
  return result;
}

void MakeRoot(Metadata& metadata, const FormatOptions& options, TimeNs now) {
  metadata.CreateInode({.mode = S_IFDIR | 0755,
                        .uid = options.uid,
                        .gid = options.gid,
                        .nlink = 2,
                        .size = 0,
                        .rdev = 0,
                        .atime = now,
                        .mtime = now,
                        .ctime = now,
                        .btime = now});
}

// Applies records that continue the log, and moves `position` behind them.
Status ApplyRecords(std::span<const std::string> records, LogPosition& position,
                    Metadata& metadata) {
  for (const std::string& bytes : records) {
    DRIVEROOT_ASSIGN_OR_RETURN(LogRecord record, ParseRecord(bytes));
    if (!Follows(record.header, position)) {
      return Fail(ErrorCode::kDataLoss,
                  "record " + std::to_string(record.header.sequence) +
                      " does not continue the log after record " +
                      std::to_string(position.last.sequence));
    }
    DRIVEROOT_RETURN_IF_ERROR(metadata.Apply(record.delta));
    position = {.last = std::move(record.header), .hash = record.hash};
  }
  return {};
}

constexpr const char* kPastIsGone =
    "the past state that is mounted is kept no longer: garbage collection gave "
    "it up, perhaps `driveroot gc` with fewer hours; unmount it, and mount one "
    "that `driveroot log` shows";

// Before what counts as an orphan is removed.
Status CheckNames(const Metadata& metadata) {
  const Status names = metadata.CheckNames();
  if (names) return {};
  return Fail(names.error().code(),
              names.error().message() + "; `driveroot fsck --repair` mends it");
}

}  // namespace

// What the fetcher asks of the metadata.
class Volume::Index : public FrameIndex {
 public:
  explicit Index(const Volume& volume) : volume_(volume) {}

  ObjectId FindObjectId(ObjectNumber object) const override {
    const std::shared_lock lock(volume_.mutex_);
    return volume_.metadata_.FindObjectId(object);
  }

  std::vector<StoredFrame> FramesOf(ObjectNumber object, uint64_t begin,
                                    uint64_t end) const override {
    const std::shared_lock lock(volume_.mutex_);
    return volume_.metadata_.FramesOf(object, begin, end);
  }

 private:
  const Volume& volume_;
};

Volume::WriteLock::~WriteLock() {
  if (lock_.owns_lock()) volume_->committer_->NoteChange();
}

Volume::Volume(std::unique_ptr<ObjectStore> store, const VolumeOptions& options)
    : options_(Checked(options)),
      store_(std::make_unique<PrefetchStore>(std::move(store),
                                             PrefetchStore::Options())),
      cache_(options.cache_bytes),
      index_(std::make_unique<Index>(*this)),
      fetcher_(std::make_unique<Fetcher>(*store_, *index_, cache_,
                                         FetcherOptionsFor(options))) {}

Volume::~Volume() {
  // Before the garbage collector's thread is waited for, which may wait for it.
  if (committer_ != nullptr) committer_->Stop();
}

Status Volume::Format(ObjectStore& store, const FormatOptions& options) {
  const Result<std::string> there = store.ReadSuperblock();
  if (there) {
    return Fail(ErrorCode::kAlreadyExists,
                "there is a volume already; nothing was changed");
  }
  if (there.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(there.error());
  }
  // A volume that was made has more than its empty root, or somebody removed
  // its superblock.
  Metadata metadata;
  const Result<RecoveredLog> left = Recover(store, metadata);
  if (left ? left->position.last.sequence > 0
           : left.error().code() == ErrorCode::kDataLoss) {
    return Fail(
        ErrorCode::kAlreadyExists,
        "there is a volume already, whose superblock.json is missing; "
        "nothing was changed; `driveroot fsck --repair` writes it anew");
  }
  if (!left && left.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(left.error());
  }
  metadata = Metadata();
  const TimeNs now = NowNs();
  MakeRoot(metadata, options, now);
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<ObjectId> ids, store.NewIds(3));
  const LogPosition start =
      StartOfLog(ids[0], MakeWriterIdentity("", "", ""), now);
  const Persist once = [](const auto& call) { return call(); };
  const Result<KeptCheckpoint> made =
      MakeVolume(store, once, {.readme = ids[1], .checkpoint = ids[2]}, start,
                 metadata.FullDelta());
  if (!made) return std::unexpected(made.error());
  return {};
}

Result<std::unique_ptr<Volume>> Volume::Open(std::unique_ptr<ObjectStore> store,
                                             const VolumeOptions& options) {
  std::unique_ptr<Volume> volume(new Volume(std::move(store), options));
  RecoverOptions recover = {.now = volume->options_.now()};
  if (options.is_boot && !options.at) {
    recover.on_superblock = [&volume](const Superblock& superblock) {
      volume->store_->Begin(superblock.boot);
    };
  }
  Result<RecoveredLog> recovered =
      options.at ? RecoverPast(*volume->store_, *options.at, volume->metadata_,
                               recover)
                 : Recover(*volume->store_, volume->metadata_, recover);
  if (!recovered && options.make_if_missing &&
      recovered.error().code() == ErrorCode::kNotFound) {
    recovered = volume->BeginNew();
  }
  if (!recovered) return std::unexpected(recovered.error());
  RecoveredLog& log = *recovered;
  DRIVEROOT_RETURN_IF_ERROR(ApplyRecords(volume->options_.unsent_records,
                                         log.position, volume->metadata_));
  if (!options.for_repair) {
    DRIVEROOT_RETURN_IF_ERROR(CheckNames(volume->metadata_));
    volume->metadata_.RemoveOrphans();
  }
  CacheFrameCopies(std::exchange(log.frame_copies, {}), volume->metadata_,
                   volume->cache_);
  if (options.is_boot) volume->StreamBootTrace();
  volume->uuid_ = log.superblock.uuid;
  volume->recovered_ = log.position;
  volume->checkpoint_record_ = log.superblock.checkpoint.sequence;
  if (volume->options_.read_only) return volume;

  DRIVEROOT_RETURN_IF_ERROR(volume->StartWriting(std::move(log)));
  return volume;
}

RecoveredLog Volume::BeginNew() {
  const TimeNs now = options_.now();
  MakeRoot(metadata_, FormatOptions(), now);
  RecoveredLog log;
  log.is_new = true;
  // Its id is taken when the volume is made.
  log.position =
      StartOfLog(ObjectId(),
                 MakeWriterIdentity(options_.host_name, options_.boot_id,
                                    options_.writer_id),
                 now);
  log.superblock.uuid = log.position.last.volume_uuid;
  return log;
}

Status Volume::StartWriting(RecoveredLog log) {
  const WriterIdentity self = MakeWriterIdentity(
      options_.host_name, options_.boot_id, options_.writer_id);
  if (!options_.steal) {
    DRIVEROOT_RETURN_IF_ERROR(
        CheckNotInUse(log.position.last, self, options_.now()));
  }
  clock_ = std::make_unique<LogClock>(
      LogClock::Parts{.now = options_.now,
                      .elapsed = options_.elapsed,
                      .is_right = SystemClockIsRight},
      log.position.last.sealed_at);
  VolumeOptions options = options_;
  options.now = [this] { return clock_->Now(); };
  committer_ = std::make_unique<Committer>(*store_, metadata_, mutex_, cache_,
                                           options, self, std::move(log));
  DRIVEROOT_RETURN_IF_ERROR(committer_->Start());
  compactor_ = std::make_unique<Compactor>(
      Compactor::Parts{.store = *store_,
                       .metadata = metadata_,
                       .mutex = mutex_,
                       .ids = committer_->ids(),
                       .moved = [this] { committer_->NoteChange(); },
                       .segment_bytes = options_.segment_bytes});
  rewriter_ = std::make_unique<Rewriter>(Rewriter::Parts{
      .metadata = metadata_,
      .mutex = mutex_,
      .read =
          [this](std::span<const StoredPiece> pieces, std::span<char> out) {
            return FetchInto(pieces, out, {}, kNoInode);
          },
      .wait_to_write = [this] { return committer_->WaitToWrite(); },
      .written = [this] { committer_->NoteChange(); }});
  garbage_collector_ =
      std::make_unique<GarbageCollector>(GarbageCollector::Parts{
          .store = *store_,
          .metadata = metadata_,
          .mutex = mutex_,
          .ids = committer_->ids(),
          .compactor = *compactor_,
          .rewriter = *rewriter_,
          .append_record = [this] { return committer_->AppendRecord(); },
          .write_checkpoint = [this] { return committer_->WriteCheckpoint(); },
          .now = options.now,
          .leaps = [this] { return clock_->Leaps(); }});
  if (options_.garbage_interval.count() > 0) {
    garbage_thread_ = std::jthread(
        [this](const std::stop_token& stop) { CollectWhenIdle(stop); });
  }
  return {};
}

Result<Volume::WriteLock> Volume::Write(Room room) {
  if (committer_ == nullptr) {
    return Fail(ErrorCode::kReadOnly, "the volume is open for reading only");
  }
  DRIVEROOT_RETURN_IF_ERROR(
      committer_->WaitToWrite(/*needs_room=*/room == Room::kNeeded));
  ++write_locks_;
  return WriteLock(*this);
}

Status Volume::CheckRoom(const Metadata& metadata, uint64_t more,
                         bool privileged) {
  const uint64_t limit = options_.metadata_bytes;
  const uint64_t used = metadata.memory_bytes();
  if (used < limit - limit / kRoomAgain) told_full_ = false;
  const uint64_t allowed = privileged ? limit : limit - limit / kReserve;
  if (more <= allowed && used <= allowed - more) return {};
  const std::string text =
      "the metadata of the volume takes " + std::to_string(used >> 20) +
      " MiB of memory, of " + std::to_string(limit >> 20) +
      " MiB that it may: remove files, or mount with a higher --metadata_mb";
  if (!told_full_.exchange(true)) LOG(ERROR) << "no space left: " << text;
  return Fail(ErrorCode::kOutOfSpace, text);
}

Status Volume::CheckExtents(uint64_t count) {
  const uint64_t memory = options_.metadata_bytes / kShareOfFile;
  if (count <= limits::kExtentsPerFile &&
      Metadata::ExtentMemory(count) <= memory) {
    return {};
  }
  const std::string text =
      "one file would lie in " + std::to_string(count) +
      " pieces, which is too much: write it anew from begin to end";
  if (!told_pieces_.exchange(true)) LOG(ERROR) << "no space left: " << text;
  return Fail(ErrorCode::kOutOfSpace, text);
}

Result<Volume::WriteLock> Volume::TryWrite(ChangeKind kind) {
  if (committer_ == nullptr) {
    return Fail(ErrorCode::kReadOnly, "the volume is open for reading only");
  }
  DRIVEROOT_RETURN_IF_ERROR(committer_->TryToWrite(kind));
  ++write_locks_;
  return WriteLock(*this);
}

SyncPoint Volume::StartSync() {
  return committer_ == nullptr ? SyncPoint() : committer_->StartSync();
}

std::optional<Status> Volume::SyncResult(const SyncPoint& point) const {
  if (committer_ == nullptr) return Status();
  return committer_->SyncResult(point);
}

void Volume::SetListener(std::function<void()> listener) {
  if (committer_ != nullptr) committer_->SetListener(std::move(listener));
}

Status Volume::Sync(const ProgressCallback& progress) {
  if (committer_ == nullptr) return {};
  return committer_->Sync(progress);
}

Status Volume::Close(const ProgressCallback& progress) {
  if (committer_ == nullptr) return {};
  garbage_thread_.request_stop();
  if (garbage_thread_.joinable()) garbage_thread_.join();
  const bool tidy = options_.garbage_interval.count() > 0;
  const std::lock_guard lock(garbage_mutex_);
  if (tidy) garbage_collector_->ShortenHistory(options_.retention);
  DRIVEROOT_RETURN_IF_ERROR(committer_->Close(progress));
  if (!tidy) return {};
  // The volume is in order whether or not this succeeds.
  GarbageReport report;
  const Status deleted =
      garbage_collector_->DeleteDeadObjects(kMaxDeletionsAtClose, report);
  if (!deleted) LOG(INFO) << "cannot delete old data: " << deleted.error();
  return {};
}

Status Volume::Keep() {
  if (committer_ == nullptr) return {};
  const Status kept = committer_->Keep();
  committer_->Stop();
  return kept;
}

Result<CompactionResult> Volume::Compact(std::span<const FrameNumber> frames) {
  if (committer_ == nullptr) {
    return Fail(ErrorCode::kReadOnly, "the volume is open for reading only");
  }
  const std::lock_guard lock(garbage_mutex_);
  Result<CompactionResult> result = compactor_->Move(frames, nullptr);
  if (result) garbage_bytes_written_ += result->bytes_written;
  return result;
}

Result<GarbageReport> Volume::CollectGarbage(const GarbageOptions& options) {
  if (committer_ == nullptr) {
    return Fail(ErrorCode::kReadOnly, "the volume is open for reading only");
  }
  const std::lock_guard lock(garbage_mutex_);
  Result<GarbageReport> report = garbage_collector_->Run(options);
  if (report) garbage_bytes_written_ += report->bytes_written;
  return report;
}

void Volume::CollectWhenIdle(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  GarbageOptions options{.retention = options_.retention,
                         .compact_above = kCompactIdleAbove,
                         .min_gain_bytes = kMinIdleGain,
                         .checkpoint = false};
  const auto activity = [this]() -> uint64_t { return write_locks_ + reads_; };
  uint64_t seen = 0;
  options.go_on = [&] { return !stop.stop_requested() && activity() == seen; };
  while (true) {
    seen = activity();
    ended.wait_for(lock, stop, options_.garbage_interval, [] { return false; });
    if (stop.stop_requested() || GetStatus().fenced) return;
    options.checkpoint =
        garbage_collector_->NeedsCheckpoint(options_.retention);
    if (!options.go_on() ||
        (!options.checkpoint && !garbage_collector_->HasWork(options))) {
      continue;
    }
    options.delete_first = StoreIsFull();
    const Result<GarbageReport> report = CollectGarbage(options);
    if (!report) {
      LOG(WARNING) << "cannot collect garbage: " << report.error();
      continue;
    }
    LOG(INFO) << "collected garbage: " << report->bytes_moved
              << " bytes moved, " << report->bytes_deleted << " deleted";
    // A listing once in the life of a mount finds what others left behind.
    options.sweep = false;
    // It would be tried over and over again.
    if (report->damaged_frames > 0) options.compact = false;
  }
}

Result<uint64_t> Volume::RollBack(const HistoryPoint& point) {
  // What that state needs must not be deleted meanwhile.
  const std::lock_guard garbage_lock(garbage_mutex_);
  Metadata past;
  DRIVEROOT_ASSIGN_OR_RETURN(const RecoveredLog log,
                             RecoverPast(*store_, point, past));
  DRIVEROOT_RETURN_IF_ERROR(CheckNames(past));
  past.RemoveOrphans();
  DRIVEROOT_ASSIGN_OR_RETURN(const WriteLock lock, Write());
  DRIVEROOT_RETURN_IF_ERROR(lock->BecomeStateOf(past));
  return log.position.last.sequence;
}

// What a reader of the past is told when its data is gone.
Error Volume::Explained(const Error& error) {
  if (!options_.at || error.code() != ErrorCode::kDataLoss) return error;
  std::call_once(past_looked_for_, [this] {
    Metadata past;
    const Result<RecoveredLog> log = RecoverPast(*store_, *options_.at, past);
    if (log || log.error().code() != ErrorCode::kNotFound) return;
    past_is_gone_ = true;
    LOG(ERROR) << kPastIsGone;
  });
  return past_is_gone_ ? Error(error.code(), kPastIsGone) : error;
}

std::set<InodeNumber> Volume::UncommittedInodes() const {
  return committer_ == nullptr ? std::set<InodeNumber>()
                               : committer_->UncommittedInodes();
}

VolumeStatus Volume::GetStatus() const {
  VolumeStatus status;
  status.uuid = uuid_;
  status.read_only = committer_ == nullptr;
  status.epoch = recovered_.last.epoch;
  status.last_durable_record = recovered_.last.sequence;
  status.checkpoint_record = checkpoint_record_;
  if (committer_ != nullptr) committer_->AddStatus(status);
  status.uncommitted_inodes = UncommittedInodes().size();
  {
    const std::shared_lock lock(mutex_);
    status.inodes = metadata_.inode_count();
    status.data_bytes = metadata_.data_bytes();
    status.unstored_bytes +=
        metadata_.unstored_bytes() + metadata_.changed_bytes();
    status.metadata_bytes = metadata_.memory_bytes();
    for (const ObjectNumber number : metadata_.AllObjects()) {
      const StoredObject& object = *metadata_.FindObject(number);
      status.present_bytes += object.size;
      status.live_bytes += object.live_bytes;
    }
    status.past_bytes = PastBytes(metadata_);
    status.past_limit_bytes =
        PastLimit(metadata_, options_.retention).value_or(0);
  }
  status.metadata_limit = options_.metadata_bytes;
  if (past_is_gone_) status.last_error = kPastIsGone;
  status.garbage_bytes_written = garbage_bytes_written_;
  status.bytes_written += garbage_bytes_written_;
  const FetcherCounters counters = fetcher_->counters();
  status.fetches = counters.fetches;
  status.bytes_fetched = counters.bytes_fetched;
  status.bytes_used = counters.bytes_used;
  status.reads_that_waited = counters.waits;
  status.wait_milliseconds = counters.wait_milliseconds;
  status.fetches_cancelled = counters.cancelled;
  status.cache_hits = counters.hits;
  status.cache_misses = counters.misses;
  status.cache_bytes = cache_.bytes();
  status.boot = GetBootLayout();
  return status;
}

Result<StoreSpace> Volume::Space() { return store_->Space(); }

bool Volume::StoreIsFull() const {
  return committer_ != nullptr && committer_->IsFull();
}

ObjectStore& Volume::store() { return *store_; }

}  // namespace driveroot
