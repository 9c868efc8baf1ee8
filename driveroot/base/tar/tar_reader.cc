// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "driveroot/base/tar/tar.h"
#include "driveroot/base/tar/tar_format.h"
#include "driveroot/base/tar/tar_records.h"
#include "driveroot/base/tar/tar_sparse.h"

namespace driveroot {
namespace {

using tar_format::kBlockSize;
using tar_format::NumberOf;
using tar_format::PaddingOf;
using tar_format::TextOf;

// One extended header holds a path (4 KiB on Linux) and the attributes of one
// file; a file system allows 64 KiB for each of those.
constexpr uint64_t kMaxExtensionSize = 4 * 1024 * 1024;

// Type flags that POSIX does not name: pre-POSIX files, and GNU tar's long
// names, sparse files and volume continuations.
constexpr char kTypeOldFile = '\0';
constexpr char kTypeContiguous = '7';
constexpr char kTypePax = 'x';
constexpr char kTypePaxGlobal = 'g';
constexpr char kTypeGnuLongName = 'L';
constexpr char kTypeGnuLongLink = 'K';
constexpr char kTypeSolarisPax = 'X';
constexpr char kTypeGnuSparse = 'S';
constexpr char kTypeGnuDirectory = 'D';
constexpr char kTypeGnuLabel = 'V';

bool IsExtension(char flag) {
  return flag == kTypePax || flag == kTypePaxGlobal ||
         flag == kTypeSolarisPax || flag == kTypeGnuLongName ||
         flag == kTypeGnuLongLink || flag == kTypeGnuLabel;
}

std::unexpected<Error> Malformed(std::string what) {
  return Fail(ErrorCode::kDataLoss, "damaged tar archive: " + std::move(what));
}

Result<TarType> TypeOf(char flag, bool directory_name) {
  switch (flag) {
    case kTypeOldFile:
    case '0':
    case kTypeContiguous:
    case kTypeGnuSparse:
      // Before ustar, a slash behind the name was all that marked a directory.
      return directory_name ? TarType::kDirectory : TarType::kFile;
    case '1':
      return TarType::kHardLink;
    case '2':
      return TarType::kSymlink;
    case '3':
      return TarType::kCharDevice;
    case '4':
      return TarType::kBlockDevice;
    case '5':
    case kTypeGnuDirectory:
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      if (flag == 'M') {
        return Fail(ErrorCode::kNotSupported,
                    "the archive goes on from another volume, which is not "
                    "supported: join them, or make it without --multi-volume");
      }
      return Fail(ErrorCode::kNotSupported,
                  "tar members of type " +
                      std::to_string(static_cast<uint8_t>(flag)) +
                      " are not supported; make the archive in pax format");
  }
}

Result<uint32_t> ToUint32(int64_t value, std::string_view what) {
  if (value < 0 || value > std::numeric_limits<uint32_t>::max()) {
    return Malformed(std::string(what) + " is out of range");
  }
  return static_cast<uint32_t>(value);
}

// The numbers of a header, where pax records have not replaced them yet.
Status ReadHeaderNumbers(std::string_view header, TarEntry* entry) {
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t mode,
                             NumberOf(header, tar_format::kMode));
  entry->mode = static_cast<uint32_t>(mode) & 07777;
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t uid,
                             NumberOf(header, tar_format::kUid));
  DRIVEROOT_ASSIGN_OR_RETURN(entry->uid, ToUint32(uid, "an owner"));
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t gid,
                             NumberOf(header, tar_format::kGid));
  DRIVEROOT_ASSIGN_OR_RETURN(entry->gid, ToUint32(gid, "a group"));
  DRIVEROOT_ASSIGN_OR_RETURN(entry->modified.seconds,
                             NumberOf(header, tar_format::kModified));
  if (entry->type == TarType::kCharDevice ||
      entry->type == TarType::kBlockDevice) {
    DRIVEROOT_ASSIGN_OR_RETURN(const int64_t major,
                               NumberOf(header, tar_format::kDeviceMajor));
    DRIVEROOT_ASSIGN_OR_RETURN(entry->device_major,
                               ToUint32(major, "a device number"));
    DRIVEROOT_ASSIGN_OR_RETURN(const int64_t minor,
                               NumberOf(header, tar_format::kDeviceMinor));
    DRIVEROOT_ASSIGN_OR_RETURN(entry->device_minor,
                               ToUint32(minor, "a device number"));
  }
  return {};
}

// The member's name: ustar splits one that is longer than 100 bytes.
std::string HeaderName(std::string_view header) {
  const std::string_view magic =
      header.substr(tar_format::kMagic.offset, tar_format::kMagic.size);
  const std::string name(TextOf(header, tar_format::kName));
  // GNU's own format ("ustar " without NUL) keeps times where the prefix is.
  if (magic != std::string_view("ustar\0", 6)) return name;
  const std::string_view prefix = TextOf(header, tar_format::kPrefix);
  return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

bool IsUstar(std::string_view header) {
  return header.substr(tar_format::kMagic.offset, 5) == "ustar";
}

Status CheckChecksum(std::string_view header) {
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t stored,
                             NumberOf(header, tar_format::kChecksum));
  if (stored != tar_format::ChecksumOf(header) &&
      stored != tar_format::SignedChecksumOf(header)) {
    return Malformed(
        "a header's checksum is wrong (is it compressed, or no tar archive?)");
  }
  return {};
}

}  // namespace

Result<std::string> NormalizeTarPath(std::string_view name) {
  if (name.empty()) return Malformed("a member has no name");
  if (name.find('\0') != std::string_view::npos) {
    return Malformed("a member's name holds a NUL byte");
  }
  std::string path;
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return Malformed("a member's name leads out with \"..\"");
    if (!path.empty()) path += '/';
    path += part;
  }
  return path.empty() ? "." : path;
}

Result<std::optional<TarEntry>> TarReader::Next() {
  DRIVEROOT_RETURN_IF_ERROR(SkipData());
  losses_.clear();
  if (done_) return std::nullopt;
  std::optional<Records> records;  // of this entry alone
  while (true) {
    std::array<char, kBlockSize> block;
    DRIVEROOT_ASSIGN_OR_RETURN(const bool found, ReadHeader(block));
    if (!found) {
      done_ = true;
      if (records) return Malformed("it ends behind an extended header");
      return std::nullopt;
    }
    const std::string_view header(block.data(), block.size());
    const char flag = header[tar_format::kType.offset];
    if (!IsExtension(flag)) {
      return MakeEntry(header, records ? *records : global_records_);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const int64_t size,
                               NumberOf(header, tar_format::kSize));
    DRIVEROOT_ASSIGN_OR_RETURN(std::string text, ReadExtension(size));
    if (flag == kTypeGnuLabel) continue;
    if (flag == kTypePaxGlobal) {
      DRIVEROOT_RETURN_IF_ERROR(
          tar_format::ParsePaxRecords(text, &global_records_));
      if (!records) continue;
    }
    if (!records) records = global_records_;
    DRIVEROOT_RETURN_IF_ERROR(ApplyExtension(flag, std::move(text), &*records));
  }
}

Result<bool> TarReader::ReadHeader(std::span<char> block) {
  bool at_end = false;
  if (!between_archives_) {
    DRIVEROOT_RETURN_IF_ERROR(ReadBlock(block, &at_end));
    if (at_end) return Malformed("it is truncated: the end marker is missing");
    const std::string_view header(block.data(), block.size());
    if (header.find_first_not_of('\0') != std::string_view::npos) {
      DRIVEROOT_RETURN_IF_ERROR(CheckChecksum(header));
      return true;
    }
    // POSIX has two zero blocks; some programs write one.
    between_archives_ = true;
  }
  return ReadBehindEnd(block);
}

Result<bool> TarReader::ReadBehindEnd(std::span<char> block) {
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, ReadFully(*source_, block));
    if (n == 0) return false;
    const std::string_view header(block.data(), n);
    if (header.find_first_not_of('\0') == std::string_view::npos) continue;
    if (stray_bytes_ == 0 && n == block.size() && CheckChecksum(header)) {
      between_archives_ = false;
      global_records_.clear();
      return true;
    }
    // Nothing behind that can be told to be a header by intent.
    stray_bytes_ += n;
  }
}

Status TarReader::ApplyExtension(char flag, std::string text,
                                 Records* records) {
  if (flag == kTypePax || flag == kTypeSolarisPax || flag == kTypePaxGlobal) {
    return tar_format::ParsePaxRecords(text, records);
  }
  text.resize(std::min(text.find('\0'), text.size()));
  (*records)[flag == kTypeGnuLongName ? "path" : "linkpath"] = text;
  return {};
}

Result<std::string> TarReader::ReadExtension(int64_t size) {
  if (size < 0 || static_cast<uint64_t>(size) > kMaxExtensionSize) {
    return Malformed("an extended header of " + std::to_string(size) +
                     " bytes is too big");
  }
  data_left_ = static_cast<uint64_t>(size);
  padding_left_ = PaddingOf(data_left_);
  std::string text(data_left_, '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n,
                               ReadStored(std::span(text).subspan(filled)));
    filled += n;
  }
  DRIVEROOT_RETURN_IF_ERROR(SkipData());
  return text;
}

Result<TarEntry> TarReader::MakeEntry(std::string_view header,
                                      const Records& records) {
  TarEntry entry;
  // A sparse file has another name for programs that do not know of them.
  auto path = records.find("GNU.sparse.name");
  if (path == records.end()) path = records.find("path");
  const std::string name =
      path != records.end() ? path->second : HeaderName(header);
  DRIVEROOT_ASSIGN_OR_RETURN(entry.path, NormalizeTarPath(name));
  const std::string context = "member " + entry.path;

  Result<TarType> type =
      TypeOf(header[tar_format::kType.offset], name.ends_with('/'));
  if (!type) return std::unexpected(type.error().WithContext(context));
  entry.type = *type;
  if (IsUstar(header)) {
    entry.user = TextOf(header, tar_format::kUserName);
    entry.group = TextOf(header, tar_format::kGroupName);
  }
  if (Status read = ReadHeaderNumbers(header, &entry); !read) {
    return std::unexpected(read.error().WithContext(context));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const int64_t size,
                             NumberOf(header, tar_format::kSize));
  if (size < 0) return Malformed(context + " has a negative size");
  entry.size = static_cast<uint64_t>(size);
  const Status applied = tar_format::ApplyRecords(
      records,
      [&](bool is_group, std::string_view owner) {
        return FindOwner(entry, is_group, owner);
      },
      &entry, &losses_);
  if (!applied) return std::unexpected(applied.error().WithContext(context));
  NoteOwners(entry);

  if (entry.type == TarType::kHardLink || entry.type == TarType::kSymlink) {
    const auto link = records.find("linkpath");
    std::string target =
        link != records.end()
            ? link->second
            : std::string(TextOf(header, tar_format::kLinkName));
    if (entry.type == TarType::kHardLink) {
      DRIVEROOT_ASSIGN_OR_RETURN(entry.link_target, NormalizeTarPath(target));
    } else if (target.empty() || target.find('\0') != std::string::npos) {
      return Malformed(context + " is a symbolic link with a bad target");
    } else {
      entry.link_target = std::move(target);
    }
  }
  // Only files carry contents; some programs repeat a file's size at its links.
  // That of a folder in an incremental archive is a list of names.
  const bool has_list = header[tar_format::kType.offset] == kTypeGnuDirectory;
  if (entry.type != TarType::kFile && !has_list) entry.size = 0;
  if (entry.size > std::numeric_limits<uint64_t>::max() - kBlockSize) {
    return Malformed(context + " has an impossible size");
  }
  data_left_ = entry.size;
  padding_left_ = PaddingOf(entry.size);
  if (entry.type != TarType::kFile) entry.size = 0;
  if (Status read = ReadMap(header, records, &entry); !read) {
    return std::unexpected(read.error().WithContext(context));
  }
  position_ = 0;
  size_ = entry.size;
  run_ = 0;
  runs_.clear();
  if (entry.runs) {
    runs_ = *entry.runs;
  } else if (entry.size > 0) {
    runs_ = {{.offset = 0, .length = entry.size}};
  }
  return entry;
}

Status TarReader::ReadMap(std::string_view header, const Records& records,
                          TarEntry* entry) {
  using tar_sparse::Form;
  const Form form = tar_sparse::FormOf(header, records);
  if (form == Form::kNone || entry->type != TarType::kFile) return {};
  tar_sparse::Map map;
  switch (form) {
    case Form::kNone:
      break;
    case Form::kOldGnu: {
      DRIVEROOT_ASSIGN_OR_RETURN(map,
                                 tar_sparse::ReadOldGnuMap(header, *source_));
      break;
    }
    case Form::kRecords: {
      DRIVEROOT_ASSIGN_OR_RETURN(map, tar_sparse::ReadRecordMap(records));
      break;
    }
    case Form::kContents: {
      DRIVEROOT_ASSIGN_OR_RETURN(
          map, tar_sparse::ReadContentsMap(records, data_left_, *source_));
      break;
    }
  }
  data_left_ -= map.bytes;
  DRIVEROOT_RETURN_IF_ERROR(tar_sparse::CheckMap(data_left_, &map));
  entry->size = map.real_size;
  entry->runs = std::move(map.runs);
  return {};
}

void TarReader::NoteOwners(const TarEntry& entry) {
  // Of any real system, and not what a crafted archive could fill memory with.
  constexpr size_t kMaxOwners = 10'000;
  constexpr size_t kMaxNameBytes = 256;
  const auto note = [](const std::string& name, uint32_t id, Owners* owners) {
    if (name.empty() || name.size() > kMaxNameBytes) return;
    if (owners->size() < kMaxOwners) (*owners)[name] = id;
  };
  note(entry.user, entry.uid, &users_);
  note(entry.group, entry.gid, &groups_);
}

std::optional<uint32_t> TarReader::FindOwner(const TarEntry& entry,
                                             bool is_group,
                                             std::string_view name) const {
  if (name == (is_group ? entry.group : entry.user)) {
    return is_group ? entry.gid : entry.uid;
  }
  const Owners& known = is_group ? groups_ : users_;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  return lookup_ ? lookup_(is_group, name) : std::nullopt;
}

uint64_t TarReader::HoleLeft() const {
  const uint64_t end = run_ < runs_.size() ? runs_[run_].offset : size_;
  return end > position_ ? end - position_ : 0;
}

uint64_t TarReader::SkipHole() {
  const uint64_t length = HoleLeft();
  position_ += length;
  return length;
}

Result<size_t> TarReader::ReadData(std::span<char> buffer) {
  if (const uint64_t hole = HoleLeft(); hole > 0) {
    const size_t count =
        static_cast<size_t>(std::min<uint64_t>(hole, buffer.size()));
    std::fill_n(buffer.begin(), count, '\0');
    position_ += count;
    return count;
  }
  if (run_ == runs_.size()) return 0;
  const TarRun& run = runs_[run_];
  const uint64_t left = run.offset + run.length - position_;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const size_t count,
      ReadStored(buffer.first(std::min<uint64_t>(left, buffer.size()))));
  position_ += count;
  if (count == left) ++run_;
  return count;
}

Result<size_t> TarReader::ReadStored(std::span<char> buffer) {
  const size_t wanted =
      static_cast<size_t>(std::min<uint64_t>(data_left_, buffer.size()));
  if (wanted == 0) return 0;
  DRIVEROOT_ASSIGN_OR_RETURN(const size_t n,
                             source_->Read(buffer.first(wanted)));
  if (n == 0) return Malformed("it is truncated inside a member");
  data_left_ -= n;
  return n;
}

Status TarReader::SkipData() {
  std::array<char, 64 * kBlockSize> waste;
  while (data_left_ > 0) {
    DRIVEROOT_RETURN_IF_ERROR(ReadStored(waste));
  }
  runs_.clear();
  size_ = position_ = 0;
  const std::span<char> padding = std::span(waste).first(padding_left_);
  padding_left_ = 0;
  if (padding.empty()) return {};
  DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, ReadFully(*source_, padding));
  if (n < padding.size()) return Malformed("it is truncated behind a member");
  return {};
}

Status TarReader::ReadBlock(std::span<char> block, bool* ret_at_end) {
  DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, ReadFully(*source_, block));
  if (n != 0 && n != block.size()) {
    return Malformed("it is truncated inside a header");
  }
  *ret_at_end = n == 0;
  return {};
}

}  // namespace driveroot
