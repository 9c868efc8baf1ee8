// SPDX-License-Identifier: Apache-2.0
//
// DirectorySource reads a folder of the local file system as a tree: modes,
// owners, times, links, devices and extended attributes. Names come in byte
// order, so the same folder gives the same stream; holes are gone over without
// reading them.
//
// It stays on one file system as `tar --one-file-system` does, unless asked not
// to: of what is mounted below the folder, subvolumes included, there is only
// the empty folder. Sockets are left out, since they mean nothing without the
// process that listens. Whoever changes the folder meanwhile leads it nowhere
// else, since no symbolic link is followed.
//
// Notes say what was left out, what changed or vanished while it was read, and
// what may not be read: that alone counts as missing. Not thread-safe.
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
  static Result<std::unique_ptr<TreeSource>> Open(
      const std::string& path, const TreeSourceOptions& options = {});

  Result<std::optional<TarEntry>> Next() override;
  Result<size_t> ReadData(std::span<char> buffer) override;
  Result<uint64_t> SkipHole() override;
  uint64_t bytes_done() const override { return bytes_done_; }
  uint64_t bytes_total() const override { return bytes_total_; }

 private:
  // A node by its folder and its name in it.
  struct Node {
    int folder = -1;
    std::string name;
    std::string path;  // relative to the top
    UniqueFd fd;       // of a file or folder
    struct stat status = {};
  };
  struct Linked {
    std::string path;     // the first name seen
    uint64_t unseen = 0;  // names
  };

  DirectorySource(std::string root, UniqueFd fd, dev_t device,
                  const TreeSourceOptions& options)
      : root_(std::move(root)),
        root_fd_(std::move(fd)),
        device_(device),
        options_(options) {}

  std::string FullPath(const std::string& relative) const;
  // Opens and describes a node; nothing when it is left out.
  Result<std::optional<TarEntry>> Take(const std::string& relative);
  // False: a note was made.
  bool OpenFolderOf(Node* node);
  bool OpenNode(Node* node);
  // False: not to be entered.
  bool IsPartOfTree(const Node& node);
  // Nothing: a note was made.
  std::optional<TarEntry> Describe(const Node& node);
  void NoteFlags(const Node& node);
  void ReadXattrs(const Node& node, TarEntry* ret_entry);
  void AddChildren(const Node& node);
  void BeginFile(Node& node);
  void EndFile();
  // What `errno` means for a node that could not be opened or read.
  void NoteFailure(const std::string& path);

  std::string root_;
  UniqueFd root_fd_;
  dev_t device_;
  TreeSourceOptions options_;
  // What is still to come, the next one last.
  std::vector<std::string> pending_ = {"."};
  // The folder that was used last.
  std::string folder_path_ = ".";
  UniqueFd folder_;
  // Files with several names.
  std::map<std::pair<dev_t, ino_t>, Linked> linked_;

  UniqueFd file_;
  std::string file_path_;  // relative
  struct stat file_status_ = {};
  uint64_t file_offset_ = 0;
  uint64_t file_left_ = 0;
  uint64_t data_end_ = 0;  // up to where there is no hole
  bool may_have_holes_ = false;
  bool file_changed_ = false;

  uint64_t bytes_done_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_DIRECTORY_SOURCE_H_
