// SPDX-License-Identifier: Apache-2.0
//
// A Delta is the difference between two states of a volume's metadata, as plain
// values. It is what a log record carries (the state after a transaction minus
// the state before it) and what a checkpoint carries (the whole state, that is
// the difference to an empty volume), so there is one way to write metadata
// down and one way to read it back:
//
//   Metadata::TakeDelta()  →  EncodeDelta()  →  Drive
//   Drive  →  DecodeDelta()  →  Metadata::Apply()
//
// A Delta states results, not operations ("inode 12 now has these attributes",
// "directory 3 has no entry named x"), so applying one twice does no harm and a
// file that was created and deleted within a transaction leaves no trace.
//
// The order within each vector is deterministic: ascending by number, then by
// name. Values only; not thread-safe.
#ifndef DRIVEROOT_VOLUME_DELTA_H_
#define DRIVEROOT_VOLUME_DELTA_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/store/object_store.h"
#include "driveroot/volume/limits.h"

namespace driveroot {

// Never used again after an inode is gone, so a number names one inode for the
// whole life of a volume.
using InodeNumber = uint64_t;
inline constexpr InodeNumber kNoInode = 0;
inline constexpr InodeNumber kRootInode = 1;

// Numbers one frame, the unit in which data is compressed, hashed and stored.
// Never used again.
using FrameNumber = uint64_t;

// Numbers one object of the store within this volume. Never used again.
using ObjectNumber = uint64_t;

// SHA-256 of a frame's bytes before compression. A cryptographic hash, because
// the chain of hashes is what vouches for bytes that come from elsewhere.
using Hash = std::array<uint8_t, 32>;

// A frame holds at most this many bytes before compression.
inline constexpr uint32_t kMaxFrameBytes = limits::kFrameBytes;

// Nanoseconds since 1970-01-01 UTC: from the year 1677 to 2262.
using TimeNs = int64_t;

struct Attributes {
  uint32_t mode = 0;  // type and permission bits as in stat(2)
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;  // 0: unlinked, and still open
  uint64_t size = 0;   // bytes; a symlink's is its target's length
  uint64_t rdev = 0;   // of device nodes, in the kernel's encoding
  TimeNs atime = 0;
  TimeNs mtime = 0;
  TimeNs ctime = 0;
  TimeNs btime = 0;  // when it was created

  friend bool operator==(const Attributes&, const Attributes&) = default;
};

// `length` bytes of a file from `offset` on are the bytes of `frame` from
// `frame_offset` on. Extents of a file never overlap; what none covers is a
// hole. length is 1 to kMaxFrameBytes.
struct Extent {
  uint64_t offset = 0;
  FrameNumber frame = 0;
  uint32_t frame_offset = 0;
  uint32_t length = 0;

  friend bool operator==(const Extent&, const Extent&) = default;
};

using Xattrs = std::vector<std::pair<std::string, std::string>>;  // by name

struct InodeDelta {
  InodeNumber number = kNoInode;
  // Nothing: the inode is gone, and so is all below.
  std::optional<Attributes> attributes;
  // Of directories: the directory that holds this one (the root's is itself).
  InodeNumber parent = kNoInode;
  // Of symlinks.
  std::string symlink_target;
  // Present when they changed: all of them.
  std::optional<Xattrs> xattrs;

  friend bool operator==(const InodeDelta&, const InodeDelta&) = default;
};

struct DentryDelta {
  InodeNumber directory = kNoInode;
  std::string name;              // 1 to 255 bytes, no '/' and no NUL
  InodeNumber inode = kNoInode;  // kNoInode: there is no such entry any more

  friend bool operator==(const DentryDelta&, const DentryDelta&) = default;
};

// What bytes [offset, offset + length) of a file now consist of. Extents lie
// wholly inside the range, ascending; the rest of it is hole.
struct ExtentDelta {
  InodeNumber inode = kNoInode;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::vector<Extent> extents;

  friend bool operator==(const ExtentDelta&, const ExtentDelta&) = default;
};

// Where the bytes of a frame are: `stored_length` bytes at `object_offset` of
// an object. They are a zstd frame when shorter than raw_length, else the raw
// bytes themselves.
struct FrameDelta {
  FrameNumber number = 0;
  ObjectNumber object = 0;
  uint64_t object_offset = 0;
  uint32_t stored_length = 0;
  uint32_t raw_length = 0;
  Hash hash = {};

  friend bool operator==(const FrameDelta&, const FrameDelta&) = default;
};

struct ObjectDelta {
  ObjectNumber number = 0;
  ObjectId id;  // Empty: the object is forgotten.
  ObjectKind kind = ObjectKind::kSegment;
  uint64_t size = 0;

  friend bool operator==(const ObjectDelta&, const ObjectDelta&) = default;
};

// A checkpoint that is kept: a past state that can be opened again.
struct KeptCheckpoint {
  uint64_t sequence = 0;  // of the last record that it covers
  ObjectId id = {};       // Empty: it is kept no longer.
  Hash hash = {};
  uint64_t size = 0;     // bytes
  TimeNs sealed_at = 0;  // when that record was sealed
  // No object of this number or a higher one was there at that time.
  ObjectNumber next_object = 0;

  friend bool operator==(const KeptCheckpoint&,
                         const KeptCheckpoint&) = default;
};

// An object in which no live frame lies since record `since`. Past states may
// need it.
struct DeadObject {
  ObjectNumber number = 0;
  ObjectId id = {};  // Empty: it is deleted, or frames lie in it again.
  ObjectKind kind = ObjectKind::kSegment;
  uint64_t size = 0;
  uint64_t since = 0;  // sequence number

  friend bool operator==(const DeadObject&, const DeadObject&) = default;
};

// A step of the boot trace: the frames that the last boot read, in the order of
// their first use. Positions count from 0; each step cuts off what was at its
// position and after it.
struct TraceDelta {
  uint64_t position = 0;
  FrameNumber frame = 0;  // 0: the trace ends here

  friend bool operator==(const TraceDelta&, const TraceDelta&) = default;
};

// Bytes of a frame that a checkpoint carries along, so that whoever reads the
// checkpoint need not fetch them: frame_copies.h. Not part of the state.
struct FrameCopy {
  FrameNumber number = 0;
  std::string bytes;  // before compression

  friend bool operator==(const FrameCopy&, const FrameCopy&) = default;
};

struct Delta {
  std::vector<InodeDelta> inodes;
  std::vector<DentryDelta> dentries;
  std::vector<ExtentDelta> extents;
  std::vector<ObjectDelta> objects;
  std::vector<FrameDelta> frames;
  std::vector<KeptCheckpoint> checkpoints;
  std::vector<DeadObject> dead_objects;
  // All records after this one are kept. 0: as before.
  uint64_t records_from = 0;
  std::vector<TraceDelta> boot_trace;
  std::vector<FrameCopy> frame_copies;
  // The next numbers to be given.
  InodeNumber next_inode = 0;
  FrameNumber next_frame = 0;
  ObjectNumber next_object = 0;

  friend bool operator==(const Delta&, const Delta&) = default;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_DELTA_H_
