// SPDX-License-Identifier: Apache-2.0
//
// DirectorySink writes a tree into a folder of the local file system, which is
// empty or not there yet. As tar does, it leaves owners out when it is not run
// by root; what else is refused is an error.
//
// Blocks of zeros become holes. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_DIRECTORY_SINK_H_
#define DRIVEROOT_TRANSFER_DIRECTORY_SINK_H_

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {

class DirectorySink final : public TreeSink {
 public:
  static Result<std::unique_ptr<TreeSink>> Create(const std::string& path);

  bool TakesFilesInAnyOrder() const override { return true; }
  Status WriteEntry(const TarEntry& entry) override;
  Status WriteData(std::string_view bytes) override;
  Status Finish() override;

 private:
  DirectorySink(UniqueFd root, std::string path)
      : root_(std::move(root)), path_(std::move(path)) {}

  Status Make(const TarEntry& entry);
  Status MakeNode(const TarEntry& entry, mode_t type);
  Status SetAttributes(const TarEntry& entry);
  Status SetXattrs(const TarEntry& entry);
  Status FinishFile();
  std::unexpected<Error> Failed(std::string_view what,
                                const TarEntry& entry) const;

  UniqueFd root_;
  std::string path_;
  UniqueFd file_;
  TarEntry file_entry_;
  uint64_t file_offset_ = 0;
  // Their modes and times are set at the end: what is put into a folder changes
  // its times, and may need permissions that it does not give.
  std::vector<TarEntry> folders_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_DIRECTORY_SINK_H_
