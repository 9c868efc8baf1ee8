// SPDX-License-Identifier: Apache-2.0
//
// Streaming reader and writer of tar archives, the one implementation of
// driveroot: `push` and `pull` use it, and so does the tool that merges Debian
// packages into a root tree.
//
//   TarReader reader(&source);
//   while (true) {
//     DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, reader.Next());
//     if (!entry) break;
//     ... reader.ReadData(buffer) until it returns 0 ...
//   }
//
//   TarWriter writer(&sink);
//   writer.WriteEntry(entry);      // then, for a file, exactly entry.size
//   bytes writer.WriteData(bytes); writer.Finish();
//
// Read: ustar, pax (POSIX.1-2017, pax, "ustar Interchange Format" and "pax
// Header Block"), pre-POSIX archives, and GNU tar's long names and base-256
// numbers. Written: ustar, with a pax header before those entries alone that
// ustar cannot hold; the same entries give the same bytes.
//
// Extended attributes travel as SCHILY.xattr.NAME records, as star, GNU tar and
// libarchive write them.
//
// Not supported, and refused with kNotSupported: sparse files, archives of
// several volumes, and access control lists in text form beyond the mode.
//
// Malformed or truncated input gives kDataLoss and never an out-of-bounds
// access; after an error a reader or writer is of no use. Neither class locks:
// use one object from one thread at a time.
#ifndef DRIVEROOT_BASE_TAR_TAR_H_
#define DRIVEROOT_BASE_TAR_TAR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"

namespace driveroot {

enum class TarType : uint8_t {
  kFile,
  kHardLink,  // Another name of the earlier entry `link_target`.
  kSymlink,
  kCharDevice,
  kBlockDevice,
  kDirectory,
  kFifo,
};

// Seconds and nanoseconds (0 to 999,999,999) since 1970-01-01 00:00 UTC; before
// it, seconds are negative and nanoseconds still count forward.
struct TarTime {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;

  friend auto operator<=>(const TarTime&, const TarTime&) = default;
};

struct TarEntry {
  // Relative to the root of the tree, "usr/bin/su": no "./" before it, no "/"
  // before or behind it, no empty, "." or ".." component, no NUL. The root
  // itself is ".". The reader normalises to this form and refuses "..".
  std::string path;
  TarType type = TarType::kFile;
  // The twelve permission bits, 07777.
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  // Names of the owners, or empty when the archive gives none.
  std::string user;
  std::string group;
  // Bytes of contents that follow; 0 for everything but a file.
  uint64_t size = 0;
  TarTime modified;
  // Only in pax archives.
  std::optional<TarTime> accessed;
  std::optional<TarTime> changed;
  // kSymlink: the target, byte for byte. kHardLink: a path in the form above.
  std::string link_target;
  // kCharDevice and kBlockDevice only.
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  // By full name, e.g. "user.comment" or "security.capability".
  std::map<std::string, std::string> xattrs;

  friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

// Brings a member name of an archive into the form of TarEntry::path. Fails
// with kDataLoss on an empty name, a NUL or a ".." component.
Result<std::string> NormalizeTarPath(std::string_view name);

class TarReader {
 public:
  // `source` outlives the reader. It is read in multiples of 512 bytes up to
  // the archive's end marker and not beyond it.
  explicit TarReader(ByteSource* source) : source_(source) {}
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry, or nullopt behind the last one. Skips what was not read of
  // the contents before. An archive without an end marker is truncated and
  // gives kDataLoss, so that half a tree is never taken for a whole one.
  Result<std::optional<TarEntry>> Next();

  // Fills a prefix of `buffer` with the next bytes of the current entry's
  // contents and returns its length; 0 when they are used up.
  Result<size_t> ReadData(std::span<char> buffer);

 private:
  using Records = std::map<std::string, std::string, std::less<>>;

  Result<std::string> ReadExtension(int64_t size);
  Result<TarEntry> MakeEntry(std::string_view header, const Records& records);
  Status SkipData();
  Status ReadBlock(std::span<char> block, bool* ret_at_end);

  ByteSource* source_;
  Records global_records_;
  uint64_t data_left_ = 0;
  uint64_t padding_left_ = 0;
  bool done_ = false;
};

class TarWriter {
 public:
  // `sink` outlives the writer.
  explicit TarWriter(ByteSink* sink) : sink_(sink) {}
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Begins an entry. Fails with kInvalidArgument when the contents before are
  // not complete, or when `entry` breaks a rule stated at TarEntry.
  Status WriteEntry(const TarEntry& entry);

  // Adds contents of the current entry; all calls together give entry.size
  // bytes.
  Status WriteData(std::string_view bytes);

  // Writes the end marker. Without it the archive counts as truncated.
  Status Finish();

 private:
  Status WritePaxHeader(std::string_view name, std::string_view records);

  ByteSink* sink_;
  uint64_t data_left_ = 0;
  uint64_t padding_left_ = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_TAR_TAR_H_
