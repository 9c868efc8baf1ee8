// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/metadata_changes.h"

#include <algorithm>

namespace driveroot {

void MetadataChanges::AddInode(InodeNumber number, uint64_t text_bytes) {
  if (inodes.insert(number).second) other_bytes_ += text_bytes;
}

void MetadataChanges::AddXattrs(InodeNumber number, uint64_t bytes) {
  uint64_t& counted = xattrs[number];
  other_bytes_ += bytes - counted;
  counted = bytes;
}

void MetadataChanges::AddDentry(InodeNumber directory, std::string_view name) {
  if (dentries[directory].emplace(name).second) {
    other_bytes_ += kDentryBytes + name.size();
  }
}

void MetadataChanges::AddExtents(InodeNumber number, uint64_t offset,
                                 uint64_t length, uint64_t added,
                                 uint64_t all) {
  Extents& changed = extents[number];
  const uint64_t before = changed.count;
  changed.ranges.Add(offset, length);
  // Each range is an item of its own, and may cut an extent at both ends.
  const uint64_t ranges = changed.ranges.ranges().size();
  changed.count = std::min(before + added + 2, all + 3 * ranges);
  other_bytes_ += (changed.count - before) * kExtentBytes;
}

void MetadataChanges::Forget(InodeNumber number) {
  if (const auto found = xattrs.find(number); found != xattrs.end()) {
    other_bytes_ -= found->second;
    xattrs.erase(found);
  }
  if (const auto found = dentries.find(number); found != dentries.end()) {
    for (const std::string& name : found->second) {
      other_bytes_ -= kDentryBytes + name.size();
    }
    dentries.erase(found);
  }
  if (const auto found = extents.find(number); found != extents.end()) {
    other_bytes_ -= found->second.count * kExtentBytes;
    extents.erase(found);
  }
}

}  // namespace driveroot
