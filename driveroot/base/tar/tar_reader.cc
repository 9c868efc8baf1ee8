// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "driveroot/base/tar/tar.h"
#include "driveroot/base/tar/tar_format.h"

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

std::unexpected<Error> Malformed(std::string what) {
  return Fail(ErrorCode::kDataLoss, "damaged tar archive: " + std::move(what));
}

Result<TarType> TypeOf(char flag, bool directory_name) {
  switch (flag) {
    case kTypeOldFile:
    case '0':
    case kTypeContiguous:
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
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      return Fail(ErrorCode::kNotSupported,
                  "tar members of type " +
                      std::to_string(static_cast<uint8_t>(flag)) +
                      " are not supported; make the archive without --sparse "
                      "and --multi-volume");
  }
}

// Whether an access control list in text form says no more than a mode does,
// e.g. "user::rwx,group::r-x,other::r-x".
bool IsMinimalAccessList(std::string_view text) {
  return std::ranges::count(text, ':') == 6 &&
         text.find("mask") == std::string_view::npos &&
         text.find("user::") != std::string_view::npos &&
         text.find("group::") != std::string_view::npos &&
         text.find("other::") != std::string_view::npos;
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

// Applies the record `key`; keys that POSIX and this reader do not know are
// ignored, as POSIX asks.
Status ApplyRecord(std::string_view key, const std::string& value,
                   TarEntry* entry) {
  if (key.starts_with(tar_format::kXattrPrefix)) {
    const std::string name = tar_format::UnescapeXattrName(
        key.substr(tar_format::kXattrPrefix.size()));
    if (name.empty() || name.find('\0') != std::string::npos) {
      return Malformed("an extended attribute has a bad name");
    }
    entry->xattrs[name] = value;
  } else if (key == "uid" || key == "gid") {
    DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t id,
                               tar_format::ParsePaxNumber(key, value));
    if (id > std::numeric_limits<uint32_t>::max()) {
      return Malformed("an owner is out of range");
    }
    (key == "uid" ? entry->uid : entry->gid) = static_cast<uint32_t>(id);
  } else if (key == "size") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->size,
                               tar_format::ParsePaxNumber(key, value));
  } else if (key == "mtime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->modified,
                               tar_format::ParsePaxTime(value));
  } else if (key == "atime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->accessed,
                               tar_format::ParsePaxTime(value));
  } else if (key == "ctime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->changed, tar_format::ParsePaxTime(value));
  } else if (key == "uname") {
    entry->user = value;
  } else if (key == "gname") {
    entry->group = value;
  } else if (key.starts_with("GNU.sparse.")) {
    return Fail(ErrorCode::kNotSupported,
                "tar archive holds sparse files; make it without --sparse");
  } else if ((key == "SCHILY.acl.access" && !IsMinimalAccessList(value)) ||
             key == "SCHILY.acl.default") {
    return Fail(ErrorCode::kNotSupported,
                "tar archive holds access control lists as text; make it with "
                "--no-acls --xattrs --xattrs-include='*'");
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
  if (done_) return std::nullopt;
  Records records = global_records_;
  while (true) {
    std::array<char, kBlockSize> block;
    bool at_end = false;
    DRIVEROOT_RETURN_IF_ERROR(ReadBlock(block, &at_end));
    if (at_end) return Malformed("it is truncated: the end marker is missing");
    const std::string_view header(block.data(), block.size());
    if (header.find_first_not_of('\0') == std::string_view::npos) {
      done_ = true;
      // POSIX has two zero blocks; some programs write one.
      DRIVEROOT_RETURN_IF_ERROR(ReadBlock(block, &at_end));
      return std::nullopt;
    }
    DRIVEROOT_RETURN_IF_ERROR(CheckChecksum(header));
    const char flag = header[tar_format::kType.offset];
    if (flag != kTypePax && flag != kTypePaxGlobal &&
        flag != kTypeGnuLongName && flag != kTypeGnuLongLink) {
      return MakeEntry(header, records);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const int64_t size,
                               NumberOf(header, tar_format::kSize));
    DRIVEROOT_ASSIGN_OR_RETURN(std::string text, ReadExtension(size));
    if (flag == kTypePaxGlobal) {
      DRIVEROOT_RETURN_IF_ERROR(
          tar_format::ParsePaxRecords(text, &global_records_));
      DRIVEROOT_RETURN_IF_ERROR(tar_format::ParsePaxRecords(text, &records));
    } else if (flag == kTypePax) {
      DRIVEROOT_RETURN_IF_ERROR(tar_format::ParsePaxRecords(text, &records));
    } else {
      text.resize(std::min(text.find('\0'), text.size()));
      records[flag == kTypeGnuLongName ? "path" : "linkpath"] = text;
    }
  }
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
                               ReadData(std::span(text).subspan(filled)));
    filled += n;
  }
  DRIVEROOT_RETURN_IF_ERROR(SkipData());
  return text;
}

Result<TarEntry> TarReader::MakeEntry(std::string_view header,
                                      const Records& records) {
  TarEntry entry;
  const auto path = records.find("path");
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
  for (const auto& [key, value] : records) {
    if (Status applied = ApplyRecord(key, value, &entry); !applied) {
      return std::unexpected(applied.error().WithContext(context));
    }
  }

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
  if (entry.type != TarType::kFile) entry.size = 0;
  if (entry.size > std::numeric_limits<uint64_t>::max() - kBlockSize) {
    return Malformed(context + " has an impossible size");
  }
  data_left_ = entry.size;
  padding_left_ = PaddingOf(entry.size);
  return entry;
}

Result<size_t> TarReader::ReadData(std::span<char> buffer) {
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
    DRIVEROOT_RETURN_IF_ERROR(ReadData(waste));
  }
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
