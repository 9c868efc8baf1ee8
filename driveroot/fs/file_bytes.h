// SPDX-License-Identifier: Apache-2.0
//
// FileBytes is what a read of a file gives: pieces one after the other. What is
// on the store is shared with the cache instead of copied; the rest is a copy.
// Movable, keeps its bytes as long as it lives. Thread-compatible.
#ifndef DRIVEROOT_FS_FILE_BYTES_H_
#define DRIVEROOT_FS_FILE_BYTES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace driveroot {

class FileBytes {
 public:
  // `bytes` lie in what `owner` keeps.
  void Add(std::shared_ptr<const std::string> owner, std::string_view bytes) {
    owners_.push_back(std::move(owner));
    pieces_.push_back(bytes);
    length_ += bytes.size();
  }

  const std::vector<std::string_view>& pieces() const { return pieces_; }
  uint64_t length() const { return length_; }

  // All pieces in one.
  std::string Joined() const {
    std::string joined;
    joined.reserve(length_);
    for (const std::string_view piece : pieces_) joined += piece;
    return joined;
  }

 private:
  std::vector<std::shared_ptr<const std::string>> owners_;
  std::vector<std::string_view> pieces_;
  uint64_t length_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_FILE_BYTES_H_
