// SPDX-License-Identifier: Apache-2.0
//
// DirectorySource reads a folder of the local file system as a tree: modes,
// owners, times, links, devices and extended attributes. Names come in byte
// order, so the same folder gives the same stream. It stays on one file system
// as `tar --one-file-system` does: what is mounted below the folder is no part
// of it, only the empty folder it is mounted on. Sockets are left out, since
// they mean nothing without the process that listens.
//
// Holes are read as zeros. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_DIRECTORY_SOURCE_H_
#define DRIVEROOT_TRANSFER_DIRECTORY_SOURCE_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {

class DirectorySource final : public TreeSource {
 public:
  // Walks the folder once to know its size.
  static Result<std::unique_ptr<TreeSource>> Open(const std::string& path);

  Result<std::optional<TarEntry>> Next() override;
  Result<size_t> ReadData(std::span<char> buffer) override;
  uint64_t bytes_done() const override { return bytes_done_; }
  uint64_t bytes_total() const override { return bytes_total_; }

 private:
  DirectorySource(std::string root, dev_t device)
      : root_(std::move(root)), device_(device) {}

  std::string FullPath(const std::string& relative) const;
  Result<TarEntry> Describe(const std::string& relative,
                            const struct stat& status);
  Status ReadXattrs(const std::string& relative, TarEntry* ret_entry) const;
  Status PushChildren(const std::string& relative);

  std::string root_;
  dev_t device_;
  // What is still to come, the next one last.
  std::vector<std::string> pending_ = {"."};
  // Files with several names: the first name seen.
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  UniqueFd file_;
  std::string file_path_;
  uint64_t file_left_ = 0;
  uint64_t bytes_done_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_DIRECTORY_SOURCE_H_
