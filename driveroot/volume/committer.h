// SPDX-License-Identifier: Apache-2.0
//
// Committer makes the changes of a volume durable: it seals what was changed
// into transactions, brings their data to the store, appends their records to
// the log, and writes checkpoints. One thread of its own seals one transaction
// after the other; the next one fills meanwhile, so what many threads want
// synced at the same time takes one record. Some records are on their way at
// the same time.
//
// Appending is creating the object whose id the record before it named. If it
// exists, and is another writer's, that one has taken the volume over: this one
// is fenced and never writes again. Nothing else fences: what the store refuses
// otherwise is tried again, since time or a person may mend it.
//
// A transaction that does not fit into the store is taken back
// (committer_space.cc): its changes are open again, so that whatever of them is
// removed need never be stored.
//
// Lock order: Volume's lock, then state_mutex_. Thread-safe.
#ifndef DRIVEROOT_VOLUME_COMMITTER_H_
#define DRIVEROOT_VOLUME_COMMITTER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>

#include "driveroot/base/result.h"
#include "driveroot/cache/frame_cache.h"
#include "driveroot/store/object_store.h"
#include "driveroot/volume/appender.h"
#include "driveroot/volume/data_writer.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/metadata_changes.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

class Committer {
 public:
  // All references outlive the committer. `mutex` is Volume's and guards
  // `metadata`, which is as `log` left it.
  Committer(ObjectStore& store, Metadata& metadata, std::shared_mutex& mutex,
            FrameCache& cache, const VolumeOptions& options,
            const WriterIdentity& writer, RecoveredLog log);
  // Stops at once; what is not durable is lost.
  ~Committer() { Stop(); }
  // Whoever waits for something gets kCancelled.
  void Stop();

  // Brings what is not durable to the store all the same, on which nothing may
  // be created any more or nothing can be: from now on the store is one that
  // keeps what is created elsewhere (driveroot/unsent). Nothing is repeated
  // after this. Returns when all of it was created.
  Status Keep();

  // Appends the open record, with what was changed since recovery, and starts
  // the thread. To be called first. Waits for nothing: errors of the store are
  // returned. kBusy: another writer opened the volume at the same time. With
  // options.open_in_background the record is on its way when this returns. A
  // volume that is not there yet gets none before it is made.
  Status Start();

  // Returns when there is room for more data, if that is needed. See
  // Volume::Write.
  Status WaitToWrite(bool needs_room = true);
  // Never waits: see Volume::TryWrite.
  Status TryToWrite(ChangeKind kind);

  // The metadata may have changed. Called with Volume's lock held.
  void NoteChange();

  Status Sync(const ProgressCallback& progress);
  // See Volume.
  SyncPoint StartSync();
  std::optional<Status> SyncResult(const SyncPoint& point) const;
  void SetListener(std::function<void()> listener);
  Status Close(const ProgressCallback& progress);

  // Returns when a record that was appended after the call is durable, whether
  // or not there is anything to put into it: this writer still had the volume
  // then.
  Status AppendRecord();

  // The same, and then writes a checkpoint.
  Status WriteCheckpoint();

  // Inodes that changed in what is not durable.
  std::set<InodeNumber> UncommittedInodes() const;

  // For others who put objects of their own on the store.
  IdPool& ids() { return ids_; }

  // Whether what was to be stored last did not fit.
  bool IsFull() const { return is_full_; }

  // Fills in what the committer knows.
  void AddStatus(VolumeStatus& status) const;

 private:
  using Clock = std::chrono::steady_clock;

  enum class Task { kStop, kCommit, kUploadAhead, kClose };

  // What somebody waits for: all changes until now durable, a record even if
  // there are none, a checkpoint, the end.
  enum class Goal { kDurable, kRecord, kCheckpoint, kClose };

  // What is sealed under one hold of Volume's lock.
  struct Transaction {
    RecordType type = RecordType::kCommit;
    bool sealed = false;         // otherwise there was nothing to put into it
    uint64_t changed_bytes = 0;  // Metadata::changed_bytes() before
    uint64_t number = 0;         // of those that were sealed, from 1 on
    // That so many checkpoints were asked for, if this one answers it; else 0.
    uint64_t checkpoints_asked = 0;
    std::vector<UnstoredFrame> frames;
    Delta delta;
    // The whole state after it, when a checkpoint is due.
    std::optional<Delta> full;
    TakenTransaction taken;  // for taking it back
  };

  struct SealedRecord {
    ObjectId id;
    RecordHeader header;
    std::string bytes;
    std::vector<FrameDelta> frames;  // that lie in it
    uint64_t frame_bytes = 0;        // of them, before compression
    uint64_t changed_bytes = 0;      // of its transaction
    uint64_t transaction = 0;        // its number
    LogPosition before;              // where the log stood
    TakenTransaction taken;
    std::atomic<bool> stored = false;  // perhaps before those before it are
    // Guarded by state_mutex_. At most one is ever set.
    bool appended = false;
    bool taken_back = false;
  };
  using SealedRecordPtr = std::shared_ptr<SealedRecord>;

  // Of data before its transaction is sealed. Both are of the same outcome.
  struct Upload {
    std::future<Status> placed;  // valid until it was waited for
    std::future<Status> stored;
  };

  void Run();
  // False: it was the last one.
  bool RunTask();
  Task NextTask();
  Status Do(Task task);
  // Tells all who wait that what they wait for may have happened.
  void Announce();
  // Want state_mutex_ held. Why nothing can be written, whatever the room.
  Status CheckWritable() const;
  // The number of the transaction that carries what was accepted until now.
  uint64_t TransactionNow() const;
  // Repeats `call`, see Persist.
  Status Repeat(const std::function<Status()>& call);
  // Repeat() for what the log consists of or refers to. When this writer may
  // create nothing any more, it waits for Keep() or the end, so that nothing
  // that was sealed is gone before.
  Status RepeatOrKeep(const std::function<Status()>& call);
  // Whether Keep() may still want what could not be created.
  bool MayBeKept() const;
  void NoteFailure(const Error& error);

  // ---- A full store (committer_space.cc)

  // Whether transactions that do not fit can be taken back.
  bool TakesBack() const;
  // After `error`, kOutOfSpace: takes back all transactions that are not on the
  // store, tells who waits, and waits until it is worth trying again. What
  // returns is that of looking for them there.
  Status TakeBackAndWait(const Error& error);
  void TakeBack(const TakenTransaction& taken, RecordType type);
  // Removes segments that were stored for what was taken back, and in which
  // nothing is of use any more. Nothing may be on its way.
  void RemoveUnlogged();
  // Those that are on their way, but for the ones that are there all the same.
  Status TakeBackRecords();
  // Whether a record whose creation was refused is there all the same.
  Result<bool> IsThere(const SealedRecord& record);
  // With state_mutex_ held: 0, or the seal that came to nothing.
  void SetFull(uint64_t seal);
  // With state_mutex_ held: whether a store that is full was asked so lately
  // that asking again is of no use.
  bool WasJustAskedForSpace() const;
  // With state_mutex_ held: has it asked by the committer's thread.
  void AskForSpace();
  // With state_mutex_ held, while too much is unstored: asks for space anew.
  // kOutOfSpace when there was none after the call.
  Status WaitForSpace(std::unique_lock<std::mutex>& lock);

  // Seals and stores one transaction, and a checkpoint when one is due. Does
  // nothing when nothing changed, unless `type` is another than kCommit.
  Status Commit(RecordType type);
  Transaction Seal(RecordType type);
  // The first commit of a volume that is not there yet: makes it, with this
  // transaction as its first record.
  Status MakeNewVolume(RecordType type);
  // Stores the data and begins to create the record.
  Status Append(Transaction& transaction);
  Result<SealedRecordPtr> SealRecord(Transaction& transaction);
  Result<StoredData> StoreData(Transaction& transaction,
                               const ObjectId& record_id);
  // kFenced: the log goes on without this writer. See VolumeOptions::absence.
  // While Keep() is at work nothing is asked: who stores what is kept looks.
  Status CheckNotReplaced();
  // Whether the superblock proves that; if not, or if there is none that can be
  // read, all is well so far.
  Result<bool> SuperblockIsAhead();
  // kFenced: another writer created the record of that id.
  Status CreateRecord(SealedRecord& record);
  // Looks at what has the record's id. kUnavailable: it proves nothing.
  // kDataLoss: the volume is being opened, and what had that id is missing.
  Status CheckIsOwn(const SealedRecord& record);
  // The last record that is known to be stored, as all before it are.
  uint64_t Durable() const;
  void NoteStored(SealedRecord& record);
  void NoteAppended(SealedRecord& record);
  Status AdoptLeftovers();
  // Begins to bring frames (the full ones, or all) to the store before their
  // transaction is sealed; waits only while much is under way already.
  Status UploadAhead(bool all);
  // Begins to bring what is too much for a record to the store, and waits until
  // all such data has its places.
  Status PlaceUploads();
  // Waits until it is on the store.
  Status FinishUploads();
  // Bytes before compression that are accepted and not on the store, of data
  // and, unless all goes into one record anyway, of metadata.
  uint64_t BytesToStore() const;
  // As many of them, but for those that are on their way to it, start a task.
  uint64_t BytesToStart() const;
  Status TakenOver(const std::string& host);
  void SetFenced(const std::string& host);
  // Nothing can be appended any more because of `error`.
  void NoteEnd(const Error& error);

  bool CheckpointIsDue() const;
  void AddFrameCopies(Transaction& transaction) const;
  // `record` is that of the transaction, null when it is known to be there.
  Status StoreCheckpoint(Transaction& transaction, SealedRecordPtr record);
  void CollectCheckpoint(bool wait);
  void NoteCheckpoint(const KeptCheckpoint& checkpoint);
  Status WaitUntilAppended(const SealedRecord& record);

  // Waits until transaction `target` is durable, or what else `goal` says.
  Status WaitFor(Goal goal, uint64_t target, const ProgressCallback& progress);

  ObjectStore& store_;
  Metadata& metadata_;
  std::shared_mutex& mutex_;
  FrameCache& cache_;
  const VolumeOptions options_;
  const WriterIdentity writer_;
  const Persist persist_;
  IdPool ids_;
  DataWriter data_;

  // Only the committer's thread, and Start before it, use these.
  LogPosition position_;           // after the last sealed record
  std::deque<ObjectId> next_ids_;  // of records to come
  bool is_new_ = false;            // there is no volume yet
  bool opened_ = false;            // the open record is known to be there
  bool open_again_ = false;        // it was taken back
  // Stored for what was taken back since the record of that count.
  std::set<ObjectNumber> unlogged_;
  uint64_t unlogged_since_ = 0;
  // Sealed and perhaps not appended, in their order.
  std::deque<SealedRecordPtr> in_flight_;
  uint64_t records_since_checkpoint_ = 0;
  uint64_t record_bytes_since_checkpoint_ = 0;
  uint64_t checkpoint_size_ = 0;

  // On the clock that counts sleep.
  std::atomic<std::chrono::nanoseconds> last_append_;
  std::atomic<uint64_t> unstored_bytes_ = 0;     // of data in the metadata
  std::atomic<uint64_t> changed_bytes_ = 0;      // of metadata, not sealed
  std::atomic<uint64_t> in_flight_changes_ = 0;  // of metadata, sealed
  std::atomic<uint64_t> placing_bytes_ = 0;      // of these, by UploadAhead
  std::atomic<bool> uploaded_ahead_ = false;     // UploadAhead was called
  std::atomic<uint64_t> in_flight_bytes_ = 0;    // of data in sealed records
  // Transactions sealed. Changed under Volume's lock.
  std::atomic<uint64_t> sealed_ = 0;
  std::atomic<bool> dirty_ = false;    // changed under Volume's lock
  std::atomic<bool> stop_ = false;     // changed under state_mutex_
  std::atomic<bool> keeping_ = false;  // changed under state_mutex_
  // Changed under state_mutex_: whether full_seal_ is not 0, and how much was
  // to be stored then.
  std::atomic<bool> is_full_ = false;
  std::atomic<uint64_t> full_bytes_ = 0;

  std::mutex listener_mutex_;  // after state_mutex_
  std::function<void()> listener_;

  mutable std::mutex state_mutex_;  // guards what is below
  std::condition_variable changed_;
  Clock::time_point dirty_since_;
  bool started_ = false;
  bool commit_wanted_ = false;
  bool record_wanted_ = false;  // even without changes
  bool close_wanted_ = false;
  bool record_refused_ = false;  // for want of space
  uint64_t seals_ = 0;           // how often Seal was called
  uint64_t seal_kicks_ = 0;      // retry_kicks_ at the last time
  // The last of these that came to nothing for want of space, and when; 0: the
  // last one that was stored fitted.
  uint64_t full_seal_ = 0;
  Clock::time_point full_since_;
  std::chrono::milliseconds full_delay_{0};
  Error full_error_{ErrorCode::kOutOfSpace, ""};
  uint64_t checkpoints_asked_ = 0;
  uint64_t checkpoints_answered_ = 0;
  bool closed_ = false;
  bool fenced_ = false;
  bool ended_ = false;  // the thread
  std::optional<Error> keep_failure_;
  std::string fenced_by_;
  uint64_t durable_ = 0;  // all transactions up to this number are
  // What changed in each of the transactions that are sealed and not durable.
  std::deque<std::set<InodeNumber>> sealed_inodes_;
  // Why the store refuses what waiting alone does not mend; see failures_.
  std::optional<Error> refusal_;
  uint64_t failures_ = 0;  // such refusals
  Error last_refusal_{ErrorCode::kUnavailable, ""};
  std::string last_error_;    // of any call that is being repeated
  uint64_t retry_kicks_ = 0;  // changes when it is worth trying at once
  uint64_t epoch_ = 0;
  uint64_t last_record_ = 0;
  uint64_t checkpoint_record_ = 0;
  uint64_t records_written_ = 0;
  uint64_t checkpoints_written_ = 0;
  uint64_t record_bytes_written_ = 0;

  // These use what is above. Only the committer's thread uses the first two, of
  // which the first is valid while a checkpoint is being written.
  std::future<Result<KeptCheckpoint>> checkpoint_;
  std::deque<Upload> uploads_;
  Appender appender_{kMaxRecordsInFlight};
  std::jthread thread_;  // last: it uses all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_COMMITTER_H_
