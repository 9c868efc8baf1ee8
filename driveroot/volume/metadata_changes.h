// SPDX-License-Identifier: Apache-2.0
//
// MetadataChanges: what changed in Metadata since the last delta, and how many
// bytes the delta will take at most. Metadata's own; not thread-safe.
#ifndef DRIVEROOT_VOLUME_METADATA_CHANGES_H_
#define DRIVEROOT_VOLUME_METADATA_CHANGES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/volume/delta.h"
#include "driveroot/volume/extent_map.h"

namespace driveroot {

struct MetadataChanges {
  struct Extents {
    RangeSet ranges;
    uint64_t count = 0;  // of extents in them, at most
  };

  // Of each what a delta takes at most, before compression, and at least what
  // it takes in memory until then.
  static constexpr uint64_t kInodeBytes = 160;
  static constexpr uint64_t kDentryBytes = 128;  // without the name
  static constexpr uint64_t kExtentBytes = 40;
  static constexpr uint64_t kFrameBytes = 80;

  // `text_bytes`: of its symlink target.
  void AddInode(InodeNumber number, uint64_t text_bytes);
  // `bytes`: what all of its attributes take now.
  void AddXattrs(InodeNumber number, uint64_t bytes);
  void AddDentry(InodeNumber directory, std::string_view name);
  // `added` extents came, and the file has `all` of them now.
  void AddExtents(InodeNumber number, uint64_t offset, uint64_t length,
                  uint64_t added, uint64_t all);
  // The inode is gone, and what changed in it of no interest.
  void Forget(InodeNumber number);

  // Never less than what the delta takes before compression.
  uint64_t bytes() const {
    return inodes.size() * kInodeBytes + other_bytes_ +
           frames.size() * kFrameBytes;
  }

  // Read as one likes; those with an Add of their own are changed by it.
  std::set<InodeNumber> inodes;
  std::map<InodeNumber, uint64_t> xattrs;  // and their bytes
  std::map<InodeNumber, std::set<std::string, std::less<>>> dentries;
  std::map<InodeNumber, Extents> extents;
  std::set<FrameNumber> frames;
  std::set<ObjectNumber> objects;
  std::set<uint64_t> checkpoints;
  std::set<ObjectNumber> dead_objects;
  // Checkpoints or records were given up.
  bool history_shortened = false;
  bool boot_trace = false;
  // Inodes from here on were made since the last delta, so their coming and
  // going again need not be told.
  InodeNumber first_new_inode = kRootInode;

 private:
  // Of symlinks' targets, attributes, entries and extents.
  uint64_t other_bytes_ = 0;
};

// A transaction that was taken from Metadata and of which nothing will be
// stored: what Metadata::TakeBack() needs.
struct TakenTransaction {
  MetadataChanges changes;           // from TakeDelta()
  std::vector<FrameNumber> frames;   // from TakeUnstoredFrames()
  std::set<ObjectNumber> lost;       // have some of them, and are not stored
  std::vector<ObjectNumber> stored;  // the others that were made for it
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_METADATA_CHANGES_H_
