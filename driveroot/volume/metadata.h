// SPDX-License-Identifier: Apache-2.0
//
// Metadata is the whole state of a volume but for the bytes of its files, held
// in memory: inodes, directories, extended attributes, extents, and where each
// frame of data is stored. It keeps what it is told; the rules of POSIX are the
// business of driveroot/fs, reading and writing Drive that of Volume.
//
// Data that is written goes into frames in memory at once (WriteData) and is
// found there until the frame is stored and its bytes are let go
// (ReleaseFrame), so an extent never changes when a frame moves to Drive, to
// another segment or out of memory.
//
// Every change is noted, and TakeDelta() returns all changes since the last
// call as one transaction.
//
// Preconditions are stated below; breaking one is a bug of the caller and stops
// the process, but Apply(), which is fed from Drive, checks everything.
//
// Thread-safety: const methods may run at the same time as each other, nothing
// else may. Volume's lock sees to that.
#ifndef DRIVEROOT_VOLUME_METADATA_H_
#define DRIVEROOT_VOLUME_METADATA_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/directory.h"
#include "driveroot/volume/extent_map.h"
#include "driveroot/volume/metadata_changes.h"

namespace driveroot {

struct Inode {
  Attributes attributes;
  // By type: a regular file's extents, a directory's entries, a symlink's
  // target; nothing for devices, fifos and sockets.
  std::variant<std::monostate, ExtentMap, std::unique_ptr<Directory>,
               std::unique_ptr<const std::string>>
      content;
  std::unique_ptr<Xattrs> xattrs;  // Null: none. Sorted by name.

  bool IsDirectory() const {
    return std::holds_alternative<std::unique_ptr<Directory>>(content);
  }
  // Precondition: IsDirectory().
  const Directory& directory() const {
    return *std::get<std::unique_ptr<Directory>>(content);
  }
  // Precondition: a regular file.
  const ExtentMap& extents() const { return std::get<ExtentMap>(content); }
  // Precondition: a symlink.
  const std::string& symlink_target() const {
    return *std::get<std::unique_ptr<const std::string>>(content);
  }
};

// Where a stored frame is, with all that is needed to fetch and verify it.
struct StoredFrame {
  FrameNumber number = 0;
  ObjectNumber object = 0;
  uint64_t object_offset = 0;
  uint32_t stored_length = 0;
  uint32_t raw_length = 0;
  Hash hash = {};
};

// A part of a read that must come from the store: `length` bytes of `frame`
// from `frame_offset` on belong at `destination` of the reader's buffer.
struct StoredPiece {
  StoredFrame frame;
  uint32_t frame_offset = 0;
  uint32_t length = 0;
  uint64_t destination = 0;
};

struct StoredObject {
  ObjectId id;
  ObjectKind kind = ObjectKind::kSegment;
  uint64_t size = 0;
  uint64_t frames = 0;  // live frames that lie in it
  // Their stored bytes, without what of each frame no extent refers to.
  uint64_t live_bytes = 0;
};

// Part of a regular file.
struct FileRange {
  InodeNumber inode = kNoInode;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// A frame whose bytes are in memory and nowhere else yet, closed for writing.
struct UnstoredFrame {
  FrameNumber number = 0;
  std::shared_ptr<const std::string> bytes;
};

class Metadata {
 public:
  // An empty volume that has not even a root directory.
  Metadata();
  Metadata(const Metadata&) = delete;
  Metadata& operator=(const Metadata&) = delete;
  // For starting over with another one.
  Metadata& operator=(Metadata&&) noexcept;
  ~Metadata();

  // ---- Looking

  // Null when there is none.
  const Inode* Find(InodeNumber number) const;

  // The inode of entry `name`; kNoInode when there is none.
  // Precondition: `directory` is a directory.
  InodeNumber Lookup(InodeNumber directory, std::string_view name) const;

  const std::string* FindXattr(InodeNumber number, std::string_view name) const;

  uint64_t inode_count() const { return inodes_.size(); }
  // All inode numbers, ascending. For checks; takes time and memory.
  std::vector<InodeNumber> AllInodes() const;

  // Bytes of data that live extents refer to, before compression.
  uint64_t data_bytes() const { return data_bytes_; }

  // ---- Size (metadata_size.cc). Both take no time.

  // What all this takes in memory, in bytes, but for the bytes of files: an
  // estimate, never less than what FullDelta() takes before compression.
  uint64_t memory_bytes() const;

  // What the next delta takes before compression, at most.
  uint64_t changed_bytes() const { return changes_.bytes(); }

  // What a write of `length` bytes to a file may add to memory_bytes().
  static uint64_t WriteMemory(uint64_t length);
  // The same for so many extents, for an inode without its name, for an entry,
  // and for an extended attribute, of which `length` is that of name and value.
  static uint64_t ExtentMemory(uint64_t count);
  static uint64_t InodeMemory();
  static uint64_t EntryMemory(std::string_view name);
  static uint64_t XattrMemory(uint64_t length);

  // ---- Inodes and names

  // Makes an inode of the type in `attributes.mode`: an empty file or
  // directory, or a symlink to `symlink_target`. `parent` is a directory's
  // parent, the root's is itself. The first inode ever made is kRootInode.
  InodeNumber CreateInode(const Attributes& attributes,
                          InodeNumber parent = kNoInode,
                          std::string symlink_target = {});

  // Makes an empty root directory. Precondition: there is no inode of that
  // number.
  void PutRoot(const Attributes& attributes);

  // Forgets an inode and lets its data go. Precondition: no entry refers to
  // it, and a directory is empty.
  void RemoveInode(InodeNumber number);

  // Replaces the attributes; the type must stay. A file's data beyond a smaller
  // size is let go, so that growing it again shows zeros.
  void SetAttributes(InodeNumber number, const Attributes& attributes);

  // Adds or replaces entry `name`. Link counts and the parent of a moved
  // directory (SetParent) are the caller's to set.
  void PutDentry(InodeNumber directory, std::string_view name,
                 InodeNumber inode);
  // Precondition: the entry exists.
  void RemoveDentry(InodeNumber directory, std::string_view name);
  void SetParent(InodeNumber directory, InodeNumber parent);

  void SetXattr(InodeNumber number, std::string_view name,
                std::string_view value);
  // Precondition: it has that attribute.
  void RemoveXattr(InodeNumber number, std::string_view name);

  // Inodes that no name refers to and that nobody has open any more because the
  // machine stopped: called once after recovery and CheckNames, before anything
  // is open.
  void RemoveOrphans();

  // ---- Data

  // Puts `bytes` at `offset` of a regular file, in memory. Neither size nor
  // times change: those are the caller's to set.
  void WriteData(InodeNumber number, uint64_t offset, std::string_view bytes);

  // What is written next, to this file or, with `shared`, to any small file,
  // goes into a new frame. So the same files make the same frames, whatever was
  // written before them.
  void StartNewFrame(InodeNumber number, bool shared);

  // Puts bytes that are stored already there: those that `frame` tells of, with
  // a number of their own. Precondition: its object was added.
  void AddStoredData(InodeNumber number, uint64_t offset,
                     const StoredFrame& frame);

  // Makes a hole of bytes [offset, offset + length).
  void PunchHole(InodeNumber number, uint64_t offset, uint64_t length);

  // Makes bytes of one file appear in another without copying them: both then
  // share extents. The ranges must not overlap within one file.
  void ShareData(InodeNumber source, uint64_t source_offset,
                 InodeNumber destination, uint64_t destination_offset,
                 uint64_t length);

  // Reads [offset, offset + out.size()) of a regular file: what is in memory or
  // a hole is copied into `out` at once, what is stored is returned for the
  // caller to fetch after it has let the lock go.
  std::vector<StoredPiece> ReadData(InodeNumber number, uint64_t offset,
                                    std::span<char> out) const;

  // ---- Frames and objects

  // Bytes in memory that are not stored yet, including those in open frames.
  uint64_t unstored_bytes() const { return unstored_bytes_; }

  // Closes all open frames and returns those whose bytes are live, not stored,
  // and were not returned before; ascending by number. With `all` false only
  // the ones already full are closed and returned. The one that reaches
  // `max_bytes` is the last.
  std::vector<UnstoredFrame> TakeUnstoredFrames(
      bool all, uint64_t max_bytes = std::numeric_limits<uint64_t>::max());

  // A number for an object that is about to be made.
  ObjectNumber ReserveObject() { return next_object_++; }

  // Names an object that frames lie in, by a reserved number. With
  // `note_change` false the caller puts it into a delta itself.
  void AddObject(ObjectNumber number, const ObjectId& id, ObjectKind kind,
                 uint64_t size, bool note_change);
  // It got another id than the one it was to have. Not after a delta told it.
  void SetObjectId(ObjectNumber number, const ObjectId& id);
  const StoredObject* FindObject(ObjectNumber number) const;
  // Also that of a dead object, since a reader may hold on to where bytes lay
  // until just now. Empty when there is none.
  ObjectId FindObjectId(ObjectNumber number) const;
  std::vector<ObjectNumber> AllObjects() const;

  // Says where a frame lies now: the first time, or because it was moved. Does
  // nothing when the frame is no longer live. The bytes in memory stay until
  // ReleaseFrame. `note_change` as above. Precondition: the object was added.
  void SetFrameLocation(const StoredFrame& frame, bool note_change);
  // Lets the bytes in memory of a stored frame go and returns them (null when
  // it is no longer live), for a cache.
  std::shared_ptr<const std::string> ReleaseFrame(FrameNumber number);
  std::optional<StoredFrame> FindFrame(FrameNumber number) const;
  // The same, but nothing while the bytes are still in memory as well, since
  // the object may not be on the store yet.
  std::optional<StoredFrame> FindDurableFrame(FrameNumber number) const;
  // Which part of a live frame's bytes extents refer to, 0 to 1.
  double UseOfFrame(FrameNumber number) const;
  // The parts of files that lie in these frames, by inode and offset. Looks at
  // all files.
  std::vector<FileRange> RangesIn(
      const std::unordered_set<FrameNumber>& frames) const;
  // Live frames that begin in bytes [begin, end) of `object`, by offset.
  std::vector<StoredFrame> FramesOf(ObjectNumber object, uint64_t begin = 0,
                                    uint64_t end = UINT64_MAX) const;
  // A frame with this content whose object is on the store already, to share
  // instead of storing the same bytes again.
  std::optional<StoredFrame> FindFrameByHash(const Hash& hash,
                                             uint32_t raw_length) const;

  // ---- History (metadata_history.cc)

  // The checkpoints that are kept, by sequence number.
  const std::map<uint64_t, KeptCheckpoint>& checkpoints() const {
    return checkpoints_;
  }
  // To note a checkpoint is no change for which a record must be written.
  void KeepCheckpoint(const KeptCheckpoint& checkpoint);
  // Precondition: it is kept.
  void DropCheckpoint(uint64_t sequence);

  // All records after this one are kept.
  uint64_t records_from() const { return records_from_; }
  void set_records_from(uint64_t sequence);

  // Makes objects in which no live frame lies any more, since record
  // `sequence`, dead ones.
  void BuryEmptyObjects(uint64_t sequence);
  const std::map<ObjectNumber, DeadObject>& dead_objects() const {
    return dead_objects_;
  }
  // It is deleted. No change for which a record must be written.
  void ForgetDeadObject(ObjectNumber number);

  // Makes the tree and its data what they are in `past`, an earlier state of
  // the same volume. Objects, where frames lie now, history and the next
  // numbers stay. kDataLoss: `past` is not such a state.
  Status BecomeStateOf(const Metadata& past);

  // ---- The boot trace (metadata_trace.cc)

  // The frames that the last boot read, in the order of their first use; some
  // may be gone.
  const std::vector<FrameNumber>& boot_trace() const { return boot_trace_; }
  void SetBootTrace(std::vector<FrameNumber> frames);

  // ---- Transactions

  // A stored frame that loses its last extent is still found by its hash until
  // the transaction after that is sealed: what is removed and written again in
  // one, as a tree that is replaced, is not stored twice. This lets such frames
  // go: those of the transactions before the last delta, or with `all` all.
  void ForgetReleasedFrames(bool all);

  // Inodes that changed since the last delta, and directories of which entries
  // did.
  std::set<InodeNumber> ChangedInodes() const;

  // Whether a record must be written.
  bool has_changes() const;

  // All changes since the last call. Frames without a location are left out:
  // the caller adds them, and the objects they go into, before the delta is
  // written down. `taken`, unless null, gets what TakeBack() needs of it.
  Delta TakeDelta(MetadataChanges* taken = nullptr);

  // Undoes TakeDelta() and TakeUnstoredFrames(): what the transaction holds is
  // changed and unstored again, unless it is gone meanwhile, and the next ones
  // return it. Nothing of it may be on the store but `taken.stored`. Of
  // several, the last comes first.
  void TakeBack(const TakenTransaction& taken);
  // Forgets those of `objects` in which no live frame lies, and returns their
  // ids. They are objects of which no record tells.
  std::vector<ObjectId> DropEmptyObjects(const std::set<ObjectNumber>& objects);

  // The whole state as the difference to nothing. Frames without a location
  // are left out here, too.
  Delta FullDelta() const;

  // Whether the tree is one: there is a root, each directory has one name, in
  // its parent, and the root leads to it; each name leads to an inode that
  // counts at least so many. To be asked when the last delta was applied, since
  // one may remove an inode that older names lead to; whoever walks or changes
  // the tree relies on it. kDataLoss. Looks at all there is.
  Status CheckNames() const;

  // Changes the state as `delta` says, without noting it as a change. Frames
  // that no extent refers to in the end are dropped. kDataLoss: it refers to
  // what is not there or breaks a limit stated in delta.h; the state is then of
  // no use.
  Status Apply(const Delta& delta);

 private:
  struct Frame {
    ObjectNumber object = 0;  // 0: not stored yet
    uint64_t object_offset = 0;
    uint32_t stored_length = 0;
    uint32_t raw_length = 0;
    // Bytes that extents refer to; shared bytes count once for each.
    uint64_t referenced = 0;
    Hash hash = {};
    std::shared_ptr<std::string> bytes;  // null when not in memory
    bool closed = true;                  // nothing is written into it any more
  };

  Inode& Get(InodeNumber number);
  ExtentMap& GetExtents(InodeNumber number);
  Directory& GetDirectory(InodeNumber number);

  // Replaces [offset, offset + length) by `extents` and notes the change.
  void ReplaceExtents(InodeNumber number, uint64_t offset, uint64_t length,
                      std::span<const Extent> extents);
  // The same without a note. Frames that lose their last reference are dropped
  // at once, or gathered in `unreferenced` when that is not null.
  void SwapExtents(ExtentMap& map, uint64_t offset, uint64_t length,
                   std::span<const Extent> extents,
                   std::set<FrameNumber>* unreferenced);
  void ReleaseExtents(std::span<const Extent> extents,
                      std::set<FrameNumber>* unreferenced);
  void DropFrame(FrameNumber number);
  static uint64_t LiveBytes(const Frame& frame);
  // Notes that extents refer to `change` bytes more (or fewer) of a frame.
  void ChangeReferences(Frame& frame, int64_t change);

  // Writes the first bytes of `bytes` over what an open frame holds at
  // `offset` already. Returns how many; 0 when it holds none there.
  uint64_t OverwriteOpenFrame(const ExtentMap& map, uint64_t offset,
                              std::string_view bytes);
  // Appends the first bytes of `bytes` to an open frame, and returns the extent
  // that now holds them.
  Extent AppendToOpenFrame(InodeNumber number, uint64_t offset,
                           std::string_view bytes);
  FrameNumber& OpenFrameFor(InodeNumber number, uint64_t offset, size_t length);
  void CloseFrame(FrameNumber number);

  void AddBootTrace(Delta& delta) const;
  Status ApplyBootTrace(const Delta& delta);
  InodeDelta MakeInodeDelta(InodeNumber number, bool with_xattrs) const;
  FrameDelta MakeFrameDelta(FrameNumber number, const Frame& frame) const;
  void MoveFrame(FrameNumber number, Frame& frame, const StoredFrame& to);
  void LeavePlace(FrameNumber number, const Frame& frame);
  // It is not found by its hash any more.
  void ForgetHash(FrameNumber number, const Frame& frame);
  void TakeBackFrame(FrameNumber number, const TakenTransaction& taken);

  Status ApplyInode(const InodeDelta& delta,
                    std::set<FrameNumber>& unreferenced);
  Status ApplyDentry(const DentryDelta& delta);
  Status ApplyExtents(const ExtentDelta& delta,
                      std::set<FrameNumber>& unreferenced);
  Status ApplyFrame(const FrameDelta& delta,
                    std::set<FrameNumber>& unreferenced);
  Status ApplyObjects(const Delta& delta);
  Status ForgetObjects(const Delta& delta);
  Status ApplyHistory(const Delta& delta);
  void AddHistoryChanges(Delta& delta) const;
  void AddHistory(Delta& delta) const;
  // The delta from this state to that of `past`, as in BecomeStateOf.
  Delta DeltaTo(const Metadata& past) const;
  // Notes everything in an applied delta as changed.
  void NoteDelta(const Delta& delta);
  void NoteInode(InodeNumber number);
  void NoteXattrs(InodeNumber number);

  // What an inode's attributes take in memory, and a symlink's target as well.
  static uint64_t XattrsMemory(const Inode& inode);
  static uint64_t TextMemory(const Inode& inode);
  // These three keep count.
  void EraseInode(InodeNumber number);
  void PutEntry(Directory& directory, std::string_view name, InodeNumber inode);
  bool RemoveEntry(Directory& directory, std::string_view name);

  std::unordered_map<InodeNumber, Inode> inodes_;
  std::unordered_map<FrameNumber, Frame> frames_;
  std::map<ObjectNumber, StoredObject> objects_;
  // May be without live frames.
  std::set<ObjectNumber> maybe_empty_objects_;
  std::map<ObjectNumber, DeadObject> dead_objects_;
  std::map<uint64_t, KeptCheckpoint> checkpoints_;
  uint64_t records_from_ = 0;
  // Where each stored frame begins.
  std::set<std::tuple<ObjectNumber, uint64_t, FrameNumber>> frames_by_place_;
  // By the first eight bytes of the hash; stored frames only.
  std::unordered_multimap<uint64_t, FrameNumber> frames_by_hash_;
  std::vector<FrameNumber> boot_trace_;
  InodeNumber next_inode_ = kRootInode;
  FrameNumber next_frame_ = 1;
  ObjectNumber next_object_ = 1;
  uint64_t data_bytes_ = 0;
  uint64_t unstored_bytes_ = 0;

  // Small files share one open frame; a file that grows large has its own, so
  // that files written at the same time do not interleave. 0: none.
  FrameNumber shared_open_frame_ = 0;
  std::map<InodeNumber, FrameNumber> own_open_frames_;
  std::set<FrameNumber> untaken_;  // in memory only, and not yet taken

  // Without extents, see ForgetReleasedFrames: since the last delta, and
  // before.
  std::vector<FrameNumber> released_;
  std::vector<FrameNumber> released_before_;

  // For memory_bytes().
  uint64_t entries_ = 0;     // of all directories
  uint64_t text_bytes_ = 0;  // of names, attributes and symlinks' targets
  uint64_t extents_ = 0;

  MetadataChanges changes_;  // since the last delta
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_METADATA_H_
