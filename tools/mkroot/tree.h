// SPDX-License-Identifier: Apache-2.0
//
// A root tree in memory, from which a deterministic tar archive is written.
//
// Paths are in the form of TarEntry::path ("etc/passwd"); functions that say
// so also take absolute ones ("/etc/passwd"). Owners are kept as names as long
// as entry.user or entry.group is not empty; Accounts turns them into numbers.
//
// Not thread-safe.
#ifndef TOOLS_MKROOT_TREE_H_
#define TOOLS_MKROOT_TREE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/tar.h"

namespace driveroot {

struct Node {
  TarEntry entry;
  std::string contents;
};

class Tree {
 public:
  // `time` is the modification time of whatever is made and not copied.
  explicit Tree(TarTime time) : time_(time) {}

  TarTime time() const { return time_; }
  std::map<std::string, Node>& nodes() { return nodes_; }
  const std::map<std::string, Node>& nodes() const { return nodes_; }

  // Adds or replaces what `entry.path` names. Missing folders above it are
  // made with mode 0755, owned by root.
  void Add(TarEntry entry, std::string contents);

  // Makes a file, 0644 root:root, or replaces its contents.
  void AddFile(std::string_view path, std::string contents);
  void AddSymlink(std::string_view path, std::string_view target);
  // Leaves one that exists as it is.
  void AddDirectory(std::string_view path);

  // The node at a path as it is written, or nullptr. Symlinks are not followed.
  const Node* Find(std::string_view path) const;
  Node* Find(std::string_view path);

  // Follows symlinks as the kernel would with this tree as its root, in every
  // component; the result is nullptr where nothing is, or after 40 symlinks.
  const Node* Resolve(std::string_view path) const;

  // Contents of the file at `path`, symlinks followed.
  Result<std::string> ReadFile(std::string_view path) const;

  // The paths directly below the folder `path`, sorted.
  std::vector<std::string> List(std::string_view path) const;

  // Fails when something lies below what is not a folder, or when a hard link
  // leads nowhere. Makes the first name of a hard-linked file the one that
  // carries the contents, so that it comes first in the archive.
  Status Finish();

  // Writes everything sorted by path, byte by byte.
  Status WriteTar(ByteSink* sink) const;

 private:
  TarTime time_;
  std::map<std::string, Node> nodes_;
};

// "etc/passwd" of "/etc/passwd" or "etc/passwd/"; "." of "/".
std::string TreePath(std::string_view path);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_TREE_H_
