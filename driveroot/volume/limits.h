// SPDX-License-Identifier: Apache-2.0
//
// All limits of a volume, in one table: what calls of the file system and
// archives may bring, and what records, checkpoints and segments may hold.
// Whoever writes and whoever reads use the same numbers, so that nothing is
// accepted that could not be read again. Bytes unless said otherwise.
#ifndef DRIVEROOT_VOLUME_LIMITS_H_
#define DRIVEROOT_VOLUME_LIMITS_H_

#include <cstdint>

namespace driveroot::limits {

// ---- What is accepted. Linux's own limits: no program can ask for more.

inline constexpr uint64_t kNameBytes = 255;      // NAME_MAX
inline constexpr uint64_t kSymlinkBytes = 4095;  // PATH_MAX without its NUL
inline constexpr uint64_t kFileBytes = INT64_MAX;
inline constexpr uint32_t kLinks = INT32_MAX;
inline constexpr uint64_t kXattrNameBytes = 255;     // XATTR_NAME_MAX
inline constexpr uint64_t kXattrValueBytes = 65536;  // XATTR_SIZE_MAX
// All names of one inode, each with a NUL behind it: XATTR_LIST_MAX, above
// which the kernel lets nobody list them.
inline constexpr uint64_t kXattrListBytes = 65536;
// All names and values of one inode.
inline constexpr uint64_t kXattrTotalBytes = 1 << 20;
// Pieces of one file. A file of 64 GiB written at random in blocks of 4 KiB has
// so many.
inline constexpr uint64_t kExtentsPerFile = 1 << 24;

// ---- What is stored.

inline constexpr uint32_t kFrameBytes = 128 * 1024;  // before compression
// Numbers of inodes, frames, objects, records and epochs. Ascending ones, which
// are counted up from here without a look at where they end.
inline constexpr uint64_t kNumber = uint64_t{1} << 62;
inline constexpr uint64_t kObjectIdBytes = 128;
// Names of hosts have at most 64 bytes on Linux; the rest is room for others.
inline constexpr uint64_t kHeaderTextBytes = 256;
// Ids of records to come that a record names.
inline constexpr uint64_t kNextIds = 32;
// Steps of a boot trace: 64 Ki frames are some gigabytes.
inline constexpr uint64_t kTraceFrames = 1 << 16;
// With more ranges, a copy of the superblock would not fit beside a listing's
// entry (store/drive/superblock_copy.h).
inline constexpr uint64_t kBootRanges = 8;

// A symlink's target, an attribute's name, its value. More than is accepted
// today: earlier versions took from archives what an extended header of tar
// holds, and such volumes must stay readable.
inline constexpr uint64_t kStoredTextBytes = 4 << 20;
// All that is said of one inode's attributes, for the same reason.
inline constexpr uint64_t kStoredXattrBytes = 16 << 20;

// A file's extents are written down in items of at most so many.
inline constexpr uint64_t kExtentsPerItem = 16 * 1024;
// A chunk of a delta ends with the item that makes it this long, before
// compression. An item has at most kStoredTextBytes + kStoredXattrBytes.
inline constexpr uint64_t kChunkBytes = 1 << 20;
inline constexpr uint64_t kWrittenChunkBytes = 32 << 20;
// Earlier versions put all extents of a file into one chunk.
inline constexpr uint64_t kReadChunkBytes = uint64_t{1} << 30;

inline constexpr uint64_t kRecordBytes = uint64_t{1} << 30;
inline constexpr uint64_t kCheckpointBytes = uint64_t{4} << 30;
inline constexpr uint64_t kSuperblockBytes = 64 * 1024;
inline constexpr uint64_t kSegmentIndexBytes = 64 << 20;
// So many entries of any index fit into that: 62 bytes each.
inline constexpr uint64_t kSegmentFrames = 1 << 20;

// What the metadata of a volume takes in memory at most, by the count of
// Metadata::memory_bytes(), which is never less than what a checkpoint takes
// before compression: so each checkpoint stays below kCheckpointBytes.
inline constexpr uint64_t kMetadataBytes = uint64_t{3584} << 20;

// What one record may change, by the count of Metadata::changed_bytes(), which
// is never less than what its delta takes before compression. The rest of a
// record is for frames and its header.
inline constexpr uint64_t kRecordChangeBytes = kRecordBytes - (64 << 20);

}  // namespace driveroot::limits

#endif  // DRIVEROOT_VOLUME_LIMITS_H_
