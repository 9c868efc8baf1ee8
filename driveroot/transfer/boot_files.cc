// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/boot_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace driveroot {
namespace {

// A place in the trace: the frame's, and that in the frame.
using Place = std::pair<size_t, uint32_t>;

}  // namespace

std::vector<std::string> BootFiles(const Metadata& metadata) {
  std::unordered_map<FrameNumber, size_t> positions;
  for (const FrameNumber frame : metadata.boot_trace()) {
    positions.try_emplace(frame, positions.size());
  }
  std::vector<std::pair<Place, std::string>> found;
  std::unordered_set<InodeNumber> seen;
  std::vector<std::pair<std::string, InodeNumber>> pending = {{"", kRootInode}};
  while (!pending.empty()) {
    const auto [path, number] = std::move(pending.back());
    pending.pop_back();
    const Inode& inode = *metadata.Find(number);
    if (inode.IsDirectory()) {
      const Directory& directory = inode.directory();
      for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
           entry = directory.After(entry->cookie)) {
        pending.emplace_back(
            path.empty() ? entry->name : path + "/" + entry->name,
            entry->inode);
      }
      continue;
    }
    if (!S_ISREG(inode.attributes.mode) || !seen.insert(number).second) {
      continue;
    }
    std::optional<Place> first;
    for (const Extent& extent : inode.extents().all()) {
      const auto position = positions.find(extent.frame);
      if (position == positions.end()) continue;
      const Place place = {position->second, extent.frame_offset};
      first = first ? std::min(*first, place) : place;
    }
    if (first) found.emplace_back(*first, path);
  }
  std::ranges::sort(found);
  std::vector<std::string> paths;
  for (auto& [place, path] : found) paths.push_back(std::move(path));
  return paths;
}

}  // namespace driveroot
