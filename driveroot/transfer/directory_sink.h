// SPDX-License-Identifier: Apache-2.0
//
// DirectorySink writes a tree into a folder of the local file system, which is
// empty or not there yet. Whatever the tree holds, nothing outside of the
// folder is touched: paths are checked, and no symbolic link is followed.
//
// As tar does, it leaves owners out when it is not run by root, and set-id bits
// with them. Device nodes and attributes that the system refuses are left out
// with a note; what else is refused is an error.
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
  Status WriteHole(uint64_t bytes) override;
  Status Finish() override;

 private:
  // Where an entry is: a folder, and the name in it.
  struct Place {
    int folder = -1;
    std::string name;
  };

  DirectorySink(UniqueFd root, std::string path)
      : root_(std::move(root)), path_(std::move(path)) {}

  // Good until the next call.
  Result<Place> PlaceOf(const TarEntry& entry);
  Status Make(const TarEntry& entry, const Place& place);
  Status Link(const TarEntry& entry, const Place& place);
  // False: left out, with a note.
  Result<bool> MakeNode(const TarEntry& entry, const Place& place, mode_t type);
  // `fd` is of the node itself; of one that is no file and no folder, O_PATH.
  Status SetAttributes(const TarEntry& entry, int fd, bool is_path);
  void SetXattrs(const TarEntry& entry, int fd, bool is_path);
  Status FinishFile();
  std::unexpected<Error> Failed(std::string_view what,
                                const TarEntry& entry) const;

  UniqueFd root_;
  std::string path_;
  // The folder that was used last.
  std::string folder_path_;
  UniqueFd folder_;
  UniqueFd file_;
  TarEntry file_entry_;
  uint64_t file_offset_ = 0;
  // Their modes and times are set at the end: what is put into a folder changes
  // its times, and may need permissions that it does not give.
  std::vector<TarEntry> folders_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_DIRECTORY_SINK_H_
