// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/rewriter.h"

#include <sys/stat.h>

#include <algorithm>
#include <mutex>

namespace driveroot {
namespace {

// What is read and written at once.
constexpr uint64_t kPartBytes = 1 << 20;

}  // namespace

Result<uint64_t> Rewriter::Rewrite(
    const std::unordered_set<FrameNumber>& frames,
    const std::function<bool()>& go_on) {
  if (frames.empty()) return 0;
  std::vector<FileRange> ranges;
  {
    const std::shared_lock lock(parts_.mutex);
    ranges = parts_.metadata.RangesIn(frames);
  }
  uint64_t bytes = 0;
  for (const FileRange& range : ranges) {
    for (uint64_t done = 0; done < range.length; done += kPartBytes) {
      if (!go_on()) return bytes;
      const FileRange part{.inode = range.inode,
                           .offset = range.offset + done,
                           .length = std::min(kPartBytes, range.length - done)};
      DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t written,
                                 RewritePart(part, frames));
      bytes += written;
    }
  }
  return bytes;
}

std::vector<Extent> Rewriter::ExtentsOf(
    const FileRange& part,
    const std::unordered_set<FrameNumber>& frames) const {
  const Inode* inode = parts_.metadata.Find(part.inode);
  if (inode == nullptr || !S_ISREG(inode->attributes.mode)) return {};
  std::vector<Extent> extents =
      inode->extents().Slice(part.offset, part.length);
  uint64_t covered = 0;
  for (const Extent& extent : extents) {
    if (!frames.contains(extent.frame)) return {};
    covered += extent.length;
  }
  if (covered != part.length) return {};
  return extents;
}

Result<uint64_t> Rewriter::RewritePart(
    const FileRange& part, const std::unordered_set<FrameNumber>& frames) {
  std::string bytes(part.length, '\0');
  std::vector<Extent> extents;
  std::vector<StoredPiece> pieces;
  {
    const std::shared_lock lock(parts_.mutex);
    extents = ExtentsOf(part, frames);
    if (extents.empty()) return 0;
    pieces = parts_.metadata.ReadData(part.inode, part.offset, bytes);
  }
  const Status read = parts_.read(pieces, bytes);
  if (!read && read.error().code() == ErrorCode::kDataLoss) return 0;
  if (!read) return std::unexpected(read.error());
  DRIVEROOT_RETURN_IF_ERROR(parts_.wait_to_write());
  const std::lock_guard lock(parts_.mutex);
  if (ExtentsOf(part, frames) != extents) return 0;
  parts_.metadata.WriteData(part.inode, part.offset, bytes);
  parts_.written();
  return part.length;
}

}  // namespace driveroot
