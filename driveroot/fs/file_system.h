// SPDX-License-Identifier: Apache-2.0
//
// FileSystem gives a Volume the semantics of a Linux file system: what each
// operation checks, in which order, what it changes, and which error it gives.
// It knows nothing of FUSE and nothing of the network.
//
//   FileSystem fs(volume.get());
//   auto node = fs.Create(kRootInode, "hello", S_IFREG | 0644, 0, caller);
//   fs.Write(node->number, 0, "hi", false);
//   fs.Sync();
//   fs.Forget(node->number, 1);
//
// Whoever checks permissions (the kernel, with default_permissions and POSIX
// ACLs) does so before it calls: here are only the rules that need knowledge of
// the tree.
//
// References: an operation that returns a Node takes one reference to its
// inode, which Forget gives back. An inode that no name refers to any more
// lives as long as there are references to it; that is how files stay usable
// that were unlinked while open.
//
// Sizes and offsets are bytes, times nanoseconds since 1970. Names are any
// bytes but '/' and NUL.
//
// No operation but Sync and Read waits for the store, so that a few threads can
// serve any number of callers. StartSync and StartRead go on later, and what
// changes something gives kUnavailable when there is no room for that now:
// nothing was changed then, and it can be tried again when Volume's listener is
// told. What removes something never does.
//
// Errors: the ErrorCode that stands for the errno value that Linux gives. An
// inode number that does not exist gives kStale. Operations that change
// something also give kReadOnly, and kFenced after another writer took over;
// those that make something also kOutOfSpace, when the metadata takes as much
// memory as it may (Volume::CheckRoom) or one file has too many pieces.
//
// Thread-safety: every method may be called from any thread. Order of locks:
// Volume's, then atimes_mutex_ or the one within ReferenceCounts.
#ifndef DRIVEROOT_FS_FILE_SYSTEM_H_
#define DRIVEROOT_FS_FILE_SYSTEM_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/cache/read_ahead.h"
#include "driveroot/fs/file_bytes.h"
#include "driveroot/fs/reference_counts.h"
#include "driveroot/fs/space.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// On whose behalf an operation is done.
struct Caller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 0;
  // The groups besides gid; none: there are no others. Asked for only where it
  // matters, since finding them out takes time.
  std::function<std::vector<uint32_t>()> other_groups = nullptr;
  // Whether the caller is inside chown(2) or one of its kin; nothing where that
  // can't be found out. Asked for only where it matters, since it takes time.
  std::function<std::optional<bool>()> in_chown = nullptr;

  std::optional<bool> IsInChown() const {
    return in_chown ? in_chown() : std::nullopt;
  }
  bool privileged() const { return uid == 0; }
  bool IsOfGroup(uint32_t group) const {
    if (gid == group) return true;
    return other_groups && std::ranges::contains(other_groups(), group);
  }
};

// What stat(2) shows of an inode.
struct Node {
  InodeNumber number = kNoInode;
  Attributes attributes = {};
  uint64_t allocated_bytes = 0;  // without holes
};

// What reading does to the access time.
enum class AccessNote {
  kRelative,  // as the mount option relatime says
  kNone,      // the reader wants no trace: O_NOATIME
};

struct AttributeChange {
  // In place of a time: the time at which the change is made.
  static constexpr TimeNs kNow = INT64_MIN;

  std::optional<uint32_t> mode;  // the type in it is ignored
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint64_t> size;
  std::optional<TimeNs> atime;
  std::optional<TimeNs> mtime;
  std::optional<TimeNs> ctime;
  // Takes set-id bits away, as a change of the owner by chown(2) does anyway:
  // the caller lacks CAP_FSETID.
  bool clear_set_id = false;
};

struct DirectoryEntry {
  std::string_view name = {};
  InodeNumber number = kNoInode;
  uint32_t mode = 0;  // its type bits
  // Where a listing goes on after this entry.
  uint64_t next_position = 0;
  // Filled in when attributes were asked for, but for "." and "..".
  Node node = {};
};

// Limits, stated to programs through statfs(2) and pathconf(3); limits.h has
// all of them.
inline constexpr size_t kMaxNameBytes = limits::kNameBytes;
inline constexpr size_t kMaxSymlinkBytes = limits::kSymlinkBytes;
inline constexpr uint64_t kMaxFileBytes = limits::kFileBytes;
inline constexpr uint32_t kMaxLinks = limits::kLinks;
inline constexpr size_t kMaxXattrBytes = limits::kXattrValueBytes;
inline constexpr size_t kMaxXattrNameBytes = limits::kXattrListBytes;
inline constexpr size_t kMaxXattrTotalBytes = limits::kXattrTotalBytes;

class FileSystem {
 public:
  using NowFunction = std::function<TimeNs()>;

  // `volume` outlives this. `now` is for tests.
  explicit FileSystem(Volume* volume, NowFunction now = SystemNow);
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  // Operations on data call `listener`, without any lock, when they took set-id
  // bits away from an inode and before they change its contents: whoever caches
  // attributes must learn of it then. To be set before the first operation.
  using ModeListener = std::function<void(InodeNumber)>;
  void set_mode_listener(ModeListener listener) {
    mode_listener_ = std::move(listener);
  }

  static TimeNs SystemNow();

  Volume& volume() { return *volume_; }

  // From now on these entries of the root directory are neither found nor
  // listed; they stay in the volume. To be called before anything else.
  void HideInRoot(std::vector<std::string> names) {
    hidden_names_ = std::move(names);
  }

  // ---- Inodes (file_system.cc, attributes.cc)

  Result<Node> Lookup(InodeNumber parent, std::string_view name);
  void Forget(InodeNumber number, uint64_t count);
  // These two take no reference.
  Result<Node> GetAttributes(InodeNumber number);
  Result<Node> SetAttributes(InodeNumber number, const AttributeChange& change,
                             const Caller& caller);
  // chown(2) that names no new owner: it takes set-id bits away all the same.
  // It also comes before a write that does so; see attributes.cc.
  Result<Node> KeepOwner(InodeNumber number, const Caller& caller);
  Result<std::string> ReadLink(InodeNumber number);

  // ---- Names (names.cc, rename.cc)

  // Makes an inode of any type in `mode` but a directory or symlink. The
  // permission bits are those asked for, before the umask.
  Result<Node> Create(InodeNumber parent, std::string_view name, uint32_t mode,
                      uint64_t rdev, const Caller& caller);
  Result<Node> MakeDirectory(InodeNumber parent, std::string_view name,
                             uint32_t mode, const Caller& caller);
  Result<Node> MakeSymlink(InodeNumber parent, std::string_view name,
                           std::string_view target, const Caller& caller);
  // A file without a name (O_TMPFILE), which Link may give one.
  Result<Node> CreateUnnamed(InodeNumber parent, uint32_t mode,
                             const Caller& caller);
  Result<Node> Link(InodeNumber number, InodeNumber parent,
                    std::string_view name);
  Status Unlink(InodeNumber parent, std::string_view name);
  Status RemoveDirectory(InodeNumber parent, std::string_view name);
  // `flags` are those of renameat2(2).
  Status Rename(InodeNumber parent, std::string_view name,
                InodeNumber new_parent, std::string_view new_name,
                uint32_t flags, const Caller& caller);

  // ---- Directories (directories.cc)

  // Calls `visit` for each entry from `position` on (0: from the start), "."
  // and ".." first, until it returns false: that entry then comes again next
  // time. What was made or renamed since the start of a listing is left out of
  // it, and what stayed comes exactly once. `visit` must only copy what it is
  // given. With `with_attributes` each visited entry but "." and ".." gets one
  // reference.
  Status ReadDirectory(InodeNumber number, uint64_t position,
                       bool with_attributes, AccessNote access,
                       const std::function<bool(const DirectoryEntry&)>& visit);

  // ---- Data (data.cc)

  // `length` bytes, fewer only at the end of the file.
  Result<FileBytes> Read(InodeNumber number, uint64_t offset, uint64_t length,
                         AccessNote access = AccessNote::kRelative);
  // Read for threads that must not wait: the result, or nullopt and `done` gets
  // it later, from any thread and perhaps before this returns. It must not
  // wait. `ret_ticket` is for CancelRead.
  using ReadDone = std::function<void(Result<FileBytes>)>;
  std::optional<Result<FileBytes>> StartRead(InodeNumber number,
                                             uint64_t offset, uint64_t length,
                                             AccessNote access, ReadDone done,
                                             Fetcher::Ticket* ret_ticket);
  // Afterwards `done` is not called, unless the call is under way.
  void CancelRead(Fetcher::Ticket ticket);
  // Set-id bits go, unless the caller is privileged.
  Status Write(InodeNumber number, uint64_t offset, std::string_view bytes,
               const Caller& caller);
  // `mode` is that of fallocate(2): preallocation, with or without
  // FALLOC_FL_KEEP_SIZE, punching holes and zeroing. Others: kNotSupported.
  Status Allocate(InodeNumber number, uint32_t mode, uint64_t offset,
                  uint64_t length, const Caller& caller);
  // `whence` is SEEK_DATA or SEEK_HOLE.
  Result<uint64_t> Seek(InodeNumber number, uint64_t offset, int whence);
  // As copy_file_range(2); copies no bytes. Returns how many are now the same.
  Result<uint64_t> CopyRange(InodeNumber source, uint64_t source_offset,
                             InodeNumber destination,
                             uint64_t destination_offset, uint64_t length,
                             const Caller& caller);

  // ---- Extended attributes (xattrs.cc)

  // `flags` are those of setxattr(2). Setting system.posix_acl_access sets the
  // mode, too.
  Status SetXattr(InodeNumber number, std::string_view name,
                  std::string_view value, int flags, const Caller& caller);
  Result<std::string> GetXattr(InodeNumber number, std::string_view name);
  // Names, each with a NUL behind it; trusted ones for privileged callers only.
  Result<std::string> ListXattrs(InodeNumber number, const Caller& caller);
  Status RemoveXattr(InodeNumber number, std::string_view name);

  // ---- The whole

  // Returns when everything done before is durable.
  Status Sync(const ProgressCallback& progress = nullptr);
  // The same for threads that must not wait: Volume::SyncResult says when.
  Result<SyncPoint> StartSync();
  SpaceInfo Space();

 private:
  // A lock for changing something, with pending access times applied. Does not
  // wait; kUnavailable as Volume::TryWrite.
  Result<Volume::WriteLock> BeginChange(ChangeKind kind = ChangeKind::kTree);

  // Whether there is room for another inode and its name.
  Status CheckRoomForInode(const Metadata& metadata, std::string_view name,
                           std::string_view symlink_target,
                           const Caller& caller);

  Node MakeNode(const Metadata& metadata, InodeNumber number) const;
  // The same, with one reference taken.
  Node TakeNode(const Metadata& metadata, InodeNumber number);
  // Forgets an inode that has neither names nor references.
  void RemoveIfUnused(Metadata& metadata, InodeNumber number);

  // Notes that a file or directory was read, as the mount option relatime says.
  void NoteAccess(InodeNumber number, const Attributes& attributes);

  // Takes set-id bits away before `caller` changes an inode's contents, and
  // tells the listener.
  Status TakeSetId(InodeNumber number, const Caller& caller);

  // What a new inode gets from its directory and its maker, besides a name.
  struct NewInode {
    uint32_t mode = 0;
    uint64_t rdev = 0;
    std::string_view symlink_target = {};
  };
  InodeNumber MakeInode(Metadata& metadata, InodeNumber parent,
                        const NewInode& request, uint32_t nlink,
                        const Caller& caller);
  Result<Node> MakeNamed(InodeNumber parent, std::string_view name,
                         const NewInode& request, const Caller& caller);
  void TouchDirectory(Metadata& metadata, InodeNumber directory,
                      int nlink_change);
  // Takes one name away from an inode, of which the entry is gone already.
  void DropLink(Metadata& metadata, InodeNumber number);

  struct RenameRequest;
  Status CheckRename(const Metadata& metadata, RenameRequest& request) const;
  void Exchange(Metadata& metadata, const RenameRequest& request);
  void Replace(Metadata& metadata, const RenameRequest& request,
               const Caller& caller);

  Status SetAcl(Metadata& metadata, InodeNumber number, std::string_view name,
                std::string_view value, const Caller& caller);
  // Takes pending access times along, before a sync.
  Status ApplyAccessTimes();
  // What a reader of these bytes is likely to want next.
  std::vector<StoredFrame> Ahead(InodeNumber number, uint64_t offset,
                                 uint64_t length);

  bool IsHidden(InodeNumber parent, std::string_view name) const {
    return parent == kRootInode && std::ranges::contains(hidden_names_, name);
  }

  Volume* volume_;
  const bool read_only_;
  std::vector<std::string> hidden_names_;  // of the root directory
  const NowFunction now_;
  ModeListener mode_listener_;
  ReferenceCounts references_;
  ReadAheadPolicy read_ahead_{ReadAheadPolicy::Options()};
  SpaceMonitor space_;

  // Access times that the next change carries along: reading must never wait
  // for what writing waits for.
  mutable std::mutex atimes_mutex_;
  std::unordered_map<InodeNumber, TimeNs> pending_atimes_;
  std::atomic<bool> has_pending_atimes_ = false;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_FILE_SYSTEM_H_
