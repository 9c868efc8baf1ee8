// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/held_files.h"

#include "driveroot/transfer/boot_guess.h"

namespace driveroot {
namespace {

// A boot reads some tens of megabytes.
constexpr uint64_t kMaxBytes = 256 << 20;

std::string_view WithoutTop(std::string_view path) {
  while (path.starts_with("/") || path.starts_with("./")) {
    path.remove_prefix(path[0] == '/' ? 1 : 2);
  }
  return path;
}

}  // namespace

HeldFiles::HeldFiles(std::span<const std::string> paths)
    : has_list_(!paths.empty()) {
  for (const std::string& path : paths) {
    order_.try_emplace(std::string(WithoutTop(path)), order_.size());
  }
}

HeldFiles::File* HeldFiles::Hold(std::string_view path, InodeNumber inode,
                                 uint64_t size) {
  if (!has_list_ && BootGuess::MayBeRead(path, size)) {
    order_.try_emplace(std::string(path), order_.size());
  }
  const auto place = order_.find(std::string(path));
  if (place == order_.end() || size > kMaxBytes - bytes_) return nullptr;
  File& file = files_[place->second];
  // The archive may hold a path twice: the later entry counts.
  bytes_ += size;
  bytes_ -= file.bytes.size();
  file = {.path = std::string(path), .inode = inode, .bytes = {}};
  file.bytes.reserve(size);
  return &file;
}

}  // namespace driveroot
