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
//   writer.WriteEntry(entry);
//   writer.WriteData(bytes);       // for a file: exactly entry.size bytes
//   writer.Finish();
//
// Read: ustar, pax (POSIX.1-2017, pax, "ustar Interchange Format" and "pax
// Header Block"), pre-POSIX archives, and GNU tar's long names, base-256
// numbers, volume labels and folders of incremental archives; sparse files in
// all forms of tar_sparse.h; archives that follow each other (`tar -A`, cat).
// Written: ustar, with a pax header before those entries alone that ustar
// cannot hold; the same entries give the same bytes.
//
// Extended attributes travel as SCHILY.xattr.NAME records, as star, GNU tar and
// libarchive write them. Read are also LIBARCHIVE.xattr.NAME (Base64),
// RHT.security.NAME, and access control lists in text (SCHILY.acl.access and
// default), which become the attributes that Linux keeps them in.
//
// Not supported, and refused with kNotSupported: archives of several volumes,
// and types of members that no common program writes.
//
// Malformed or truncated input gives kDataLoss and never an out-of-bounds
// access; after an error a reader or writer is of no use. Neither class locks:
// use one object from one thread at a time.
#ifndef DRIVEROOT_BASE_TAR_TAR_H_
#define DRIVEROOT_BASE_TAR_TAR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/tar_acl.h"

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

// Bytes [offset, offset + length) of a file.
struct TarRun {
  uint64_t offset = 0;
  uint64_t length = 0;

  friend bool operator==(const TarRun&, const TarRun&) = default;
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
  // Bytes of contents; 0 for everything but a file.
  uint64_t size = 0;
  // Where a sparse file has data: in order, none empty, none over another, none
  // behind `size`. Nothing: everywhere.
  std::optional<std::vector<TarRun>> runs;
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
  // `source` outlives the reader. It is read in multiples of 512 bytes, to its
  // end.
  // Lists of access name users and groups: those that no member before had are
  // asked of `lookup`.
  explicit TarReader(ByteSource* source, OwnerLookup lookup = nullptr)
      : source_(source), lookup_(std::move(lookup)) {}
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry, or nullopt behind the last one. Skips what was not read of
  // the contents before. An archive without an end marker is truncated and
  // gives kDataLoss, so that half a tree is never taken for a whole one. What
  // follows an end marker is another archive, whose members come next.
  Result<std::optional<TarEntry>> Next();

  // Fills a prefix of `buffer` with the next bytes of the current entry's
  // contents and returns its length; 0 when they are used up. Holes are zeros.
  Result<size_t> ReadData(std::span<char> buffer);

  // Goes over the hole that the contents go on with; returns its length in
  // bytes, 0 when there is none.
  uint64_t SkipHole();

  // What the archive has of the current entry that cannot be kept, in a few
  // words each.
  const std::vector<std::string>& losses() const { return losses_; }

  // Bytes behind the end marker that are no archive, when all is read.
  uint64_t stray_bytes() const { return stray_bytes_; }

 private:
  using Records = std::map<std::string, std::string, std::less<>>;
  using Owners = std::map<std::string, uint32_t, std::less<>>;

  // The next header that is not behind an end marker; false: there is none.
  Result<bool> ReadHeader(std::span<char> block);
  Result<bool> ReadBehindEnd(std::span<char> block);
  Status ApplyExtension(char flag, std::string text, Records* records);
  Result<std::string> ReadExtension(int64_t size);
  Result<TarEntry> MakeEntry(std::string_view header, const Records& records);
  Status ReadMap(std::string_view header, const Records& records,
                 TarEntry* entry);
  void NoteOwners(const TarEntry& entry);
  std::optional<uint32_t> FindOwner(const TarEntry& entry, bool is_group,
                                    std::string_view name) const;
  Result<size_t> ReadStored(std::span<char> buffer);
  Status SkipData();
  Status ReadBlock(std::span<char> block, bool* ret_at_end);
  // Bytes from the position to the next run, or to the end.
  uint64_t HoleLeft() const;

  ByteSource* source_;
  Records global_records_;
  // What the archive stores of the entry, and still has to come.
  uint64_t data_left_ = 0;
  uint64_t padding_left_ = 0;
  // In a file's contents.
  uint64_t position_ = 0;
  uint64_t size_ = 0;
  std::vector<TarRun> runs_;
  size_t run_ = 0;  // the first that is not behind the position
  std::vector<std::string> losses_;
  OwnerLookup lookup_;
  // Names that members had with their numbers.
  Owners users_;
  Owners groups_;
  bool between_archives_ = false;
  bool done_ = false;
  uint64_t stray_bytes_ = 0;
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
  // bytes, or those of its runs alone.
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
