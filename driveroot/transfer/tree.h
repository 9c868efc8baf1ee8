// SPDX-License-Identifier: Apache-2.0
//
// A tree of files as a stream of entries, in either direction: what `push`
// reads and `pull` writes. An entry is the tar library's, whatever it comes
// from; its path is relative to the tree's top, and the top itself is ".".
//
// Implementations: tar archives and folders. None is thread-safe.
#ifndef DRIVEROOT_TRANSFER_TREE_H_
#define DRIVEROOT_TRANSFER_TREE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/tar.h"
#include "driveroot/transfer/transfer_notes.h"

namespace driveroot {

class TreeSource {
 public:
  virtual ~TreeSource() = default;

  // The next entry, parents before what they hold; nothing at the end. A hard
  // link comes after the entry that it names.
  virtual Result<std::optional<TarEntry>> Next() = 0;

  // Fills a prefix of `buffer` with the next bytes of the current entry;
  // returns its length, 0 at the end. A folder's file that became shorter ends
  // before entry.size.
  virtual Result<size_t> ReadData(std::span<char> buffer) = 0;

  // Goes over the hole that the contents go on with; returns its length in
  // bytes, 0 when there is none. Holes that are not gone over are zeros.
  virtual Result<uint64_t> SkipHole() { return 0; }

  // Of a container image: the number of the layer that the current entry is of,
  // the lowest first. Such entries may be whiteouts (whiteouts.h).
  virtual std::optional<size_t> layer() const { return std::nullopt; }

  // What was left out or changed so far.
  const TransferNotes& notes() const { return notes_; }

  // Bytes read so far, and of the whole (0: not known), for progress.
  virtual uint64_t bytes_done() const = 0;
  virtual uint64_t bytes_total() const = 0;

 protected:
  TransferNotes notes_;
};

class TreeSink {
 public:
  virtual ~TreeSink() = default;

  // Whether files may come in any order, after all folders and before their
  // further names.
  virtual bool TakesFilesInAnyOrder() const { return false; }

  virtual Status WriteEntry(const TarEntry& entry) = 0;
  // Contents of the current entry; all calls of these two together give
  // entry.size bytes, holes where entry.runs has none.
  virtual Status WriteData(std::string_view bytes) = 0;
  virtual Status WriteHole(uint64_t bytes);  // unless overridden, zeros
  virtual Status Finish() = 0;

  // What was left out or changed so far.
  const TransferNotes& notes() const { return notes_; }

 protected:
  TransferNotes notes_;
};

struct TreeSourceOptions {
  // Of a folder: also what is mounted below it.
  bool cross_mounts = false;
};

// A folder if `path` is one, a tar archive otherwise; "-" is standard input.
// An archive may be compressed with gzip, xz or zstd, and either may be a
// container image (image_source.h). The error names the path; what is no
// archive at all is refused here already.
Result<std::unique_ptr<TreeSource>> OpenTreeSource(
    const std::string& path, const TreeSourceOptions& options = {});

// "-" is an archive to standard output; a path that ends in .tar, .tar.gz,
// .tgz, .tar.xz, .txz, .tar.zst or .tzst is an archive, any other a folder,
// which must be empty or not be there yet. kNotSupported: the name is that of
// an archive that cannot be written.
Result<std::unique_ptr<TreeSink>> OpenTreeSink(const std::string& path);

// How far a transfer is. Bytes of contents; `total` is 0 when not known.
struct TransferProgress {
  uint64_t entries = 0;
  uint64_t done = 0;
  uint64_t total = 0;
};
using TransferCallback = std::function<void(const TransferProgress&)>;

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_TREE_H_
