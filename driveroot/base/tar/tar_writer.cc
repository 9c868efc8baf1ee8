// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include "driveroot/base/tar/tar.h"
#include "driveroot/base/tar/tar_format.h"
#include "driveroot/base/tar/tar_sparse.h"

namespace driveroot {
namespace {

using tar_format::Field;
using tar_format::FormatPaxRecord;
using tar_format::kBlockSize;

std::unexpected<Error> Refused(const TarEntry& entry, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument,
              "tar entry \"" + entry.path + "\": " + std::string(why));
}

// The largest number of a field: octal digits and the NUL behind them.
constexpr uint64_t MaxOctal(Field field) {
  return (uint64_t{1} << (3 * (field.size - 1))) - 1;
}

void SetText(Field field, std::string_view text, std::string* header) {
  text = text.substr(0, field.size);
  header->replace(field.offset, text.size(), text);
}

// A number that does not fit is left 0: a pax record carries it then.
void SetNumber(Field field, uint64_t value, std::string* header) {
  if (value > MaxOctal(field)) value = 0;
  std::string digits(field.size - 1, '0');
  for (size_t i = digits.size(); i-- > 0; value /= 8) {
    digits[i] = static_cast<char>('0' + value % 8);
  }
  SetText(field, digits, header);
}

void SetChecksum(std::string* header) {
  // Six digits, NUL, space: the form that every implementation writes.
  std::string digits(6, '0');
  uint32_t sum = tar_format::ChecksumOf(*header);
  for (size_t i = digits.size(); i-- > 0; sum /= 8) {
    digits[i] = static_cast<char>('0' + sum % 8);
  }
  SetText(tar_format::kChecksum, digits + '\0' + ' ', header);
}

char FlagOf(TarType type) {
  switch (type) {
    case TarType::kFile:
      return '0';
    case TarType::kHardLink:
      return '1';
    case TarType::kSymlink:
      return '2';
    case TarType::kCharDevice:
      return '3';
    case TarType::kBlockDevice:
      return '4';
    case TarType::kDirectory:
      return '5';
    case TarType::kFifo:
      return '6';
  }
  return '0';
}

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// RFC 3629, section 4.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((text[i + k] & '\xc0') != '\x80') return false;
    }
    const auto second =
        length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    // Longer than need be, surrogates, and above the last character.
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) {
      return false;
    }
    i += length;
  }
  return true;
}

// Whether the field holds `text` whole. Other bytes than ASCII have no meaning
// in ustar, whereas pax defines them.
bool Fits(std::string_view text, Field field) {
  return text.size() <= field.size && IsAscii(text);
}

// Bytes of contents that follow the header, the map of a sparse file apart.
uint64_t DataOf(const TarEntry& entry) {
  if (!entry.runs) return entry.size;
  uint64_t sum = 0;
  for (const TarRun& run : *entry.runs) sum += run.length;
  return sum;
}

std::string PaxRecordsFor(const TarEntry& entry, std::string_view name,
                          uint64_t stored) {
  std::string records;
  const auto add = [&records](std::string_view key, std::string_view value) {
    records += FormatPaxRecord(key, value);
  };
  // Records are UTF-8 unless they say that they are just bytes.
  if (!IsUtf8(name) || !IsUtf8(entry.link_target) || !IsUtf8(entry.user) ||
      !IsUtf8(entry.group)) {
    add("hdrcharset", "BINARY");
  }
  if (entry.runs) {
    add("GNU.sparse.major", "1");
    add("GNU.sparse.minor", "0");
    add("GNU.sparse.name", name);
    add("GNU.sparse.realsize", std::to_string(entry.size));
  } else if (!Fits(name, tar_format::kName)) {
    add("path", name);
  }
  if (!Fits(entry.link_target, tar_format::kLinkName)) {
    add("linkpath", entry.link_target);
  }
  if (stored > MaxOctal(tar_format::kSize)) {
    add("size", std::to_string(stored));
  }
  if (entry.uid > MaxOctal(tar_format::kUid)) {
    add("uid", std::to_string(entry.uid));
  }
  if (entry.gid > MaxOctal(tar_format::kGid)) {
    add("gid", std::to_string(entry.gid));
  }
  // The name fields, unlike `name`, end with a NUL.
  if (entry.user.size() >= tar_format::kUserName.size || !IsAscii(entry.user)) {
    add("uname", entry.user);
  }
  if (entry.group.size() >= tar_format::kGroupName.size ||
      !IsAscii(entry.group)) {
    add("gname", entry.group);
  }
  if (entry.modified.nanoseconds != 0 || entry.modified.seconds < 0 ||
      static_cast<uint64_t>(entry.modified.seconds) >
          MaxOctal(tar_format::kModified)) {
    add("mtime", tar_format::FormatPaxTime(entry.modified));
  }
  if (entry.accessed) add("atime", tar_format::FormatPaxTime(*entry.accessed));
  if (entry.changed) add("ctime", tar_format::FormatPaxTime(*entry.changed));
  for (const auto& [attribute, value] : entry.xattrs) {
    add(std::string(tar_format::kXattrPrefix) +
            tar_format::EscapeXattrName(attribute),
        value);
  }
  return records;
}

Status Check(const TarEntry& entry) {
  const Result<std::string> normal = NormalizeTarPath(entry.path);
  if (!normal || *normal != entry.path) {
    return Refused(entry, "the path is not in normal form");
  }
  if (entry.size != 0 && entry.type != TarType::kFile) {
    return Refused(entry, "only a file has a size");
  }
  const bool link =
      entry.type == TarType::kHardLink || entry.type == TarType::kSymlink;
  if (link == entry.link_target.empty() ||
      entry.link_target.find('\0') != std::string::npos) {
    return Refused(entry, "links, and only they, have a target without NUL");
  }
  const uint32_t largest_device =
      static_cast<uint32_t>(MaxOctal(tar_format::kDeviceMajor));
  if (entry.device_major > largest_device ||
      entry.device_minor > largest_device) {
    return Refused(entry, "the device number is too big for a tar archive");
  }
  if (entry.user.find('\0') != std::string::npos ||
      entry.group.find('\0') != std::string::npos ||
      entry.xattrs.contains("")) {
    return Refused(entry, "a name is empty or holds a NUL byte");
  }
  if (entry.runs) {
    tar_sparse::Map map = {.runs = *entry.runs, .real_size = entry.size};
    if (entry.type != TarType::kFile ||
        !tar_sparse::CheckMap(DataOf(entry), &map) ||
        map.runs.size() != entry.runs->size()) {
      return Refused(entry, "its runs of data make no sense");
    }
  }
  if (entry.mode > 07777) return Refused(entry, "the mode is above 07777");
  return {};
}

std::string MakeHeader(const TarEntry& entry, std::string_view name,
                       uint64_t stored) {
  std::string header(kBlockSize, '\0');
  SetText(tar_format::kName, name, &header);
  SetNumber(tar_format::kMode, entry.mode, &header);
  SetNumber(tar_format::kUid, entry.uid, &header);
  SetNumber(tar_format::kGid, entry.gid, &header);
  SetNumber(tar_format::kSize, stored, &header);
  const int64_t seconds = entry.modified.seconds;
  SetNumber(tar_format::kModified,
            seconds < 0 ? 0 : static_cast<uint64_t>(seconds), &header);
  header[tar_format::kType.offset] = FlagOf(entry.type);
  SetText(tar_format::kLinkName, entry.link_target, &header);
  SetText(tar_format::kMagic, std::string_view("ustar\0", 6), &header);
  SetText(tar_format::kVersion, "00", &header);
  SetText(
      tar_format::kUserName,
      std::string_view(entry.user).substr(0, tar_format::kUserName.size - 1),
      &header);
  SetText(
      tar_format::kGroupName,
      std::string_view(entry.group).substr(0, tar_format::kGroupName.size - 1),
      &header);
  SetNumber(tar_format::kDeviceMajor, entry.device_major, &header);
  SetNumber(tar_format::kDeviceMinor, entry.device_minor, &header);
  SetChecksum(&header);
  return header;
}

}  // namespace

Status TarWriter::WriteEntry(const TarEntry& entry) {
  if (data_left_ != 0) {
    return Refused(entry, "the contents of the entry before are not complete");
  }
  DRIVEROOT_RETURN_IF_ERROR(Check(entry));
  std::string name = entry.path;
  // The slash says "directory" to programs that know only the name.
  if (entry.type == TarType::kDirectory) name += '/';
  const std::string map =
      entry.runs ? tar_sparse::FormatMap(*entry.runs, entry.size) : "";
  const uint64_t data = DataOf(entry);
  const uint64_t stored = map.size() + data;
  const std::string records = PaxRecordsFor(entry, name, stored);
  if (!records.empty()) {
    DRIVEROOT_RETURN_IF_ERROR(WritePaxHeader(name, records));
  }
  // Programs that do not know of sparse files make one of this name.
  if (entry.runs) name = "GNUSparseFile.0/" + name;
  DRIVEROOT_RETURN_IF_ERROR(sink_->Write(MakeHeader(entry, name, stored)));
  DRIVEROOT_RETURN_IF_ERROR(sink_->Write(map));
  data_left_ = data;
  padding_left_ = tar_format::PaddingOf(data);
  return {};
}

Status TarWriter::WritePaxHeader(std::string_view name,
                                 std::string_view records) {
  TarEntry extension;
  extension.mode = 0644;
  extension.size = records.size();
  // Readers without pax extract the records as this file.
  const std::string extension_name =
      "PaxHeaders/" + std::string(name.substr(0, 80));
  std::string header = MakeHeader(extension, extension_name, extension.size);
  header[tar_format::kType.offset] = 'x';
  SetChecksum(&header);
  DRIVEROOT_RETURN_IF_ERROR(sink_->Write(header));
  DRIVEROOT_RETURN_IF_ERROR(sink_->Write(records));
  return sink_->Write(std::string(tar_format::PaddingOf(records.size()), '\0'));
}

Status TarWriter::WriteData(std::string_view bytes) {
  if (bytes.size() > data_left_) {
    return Fail(ErrorCode::kInvalidArgument,
                "more bytes than the tar entry's size");
  }
  DRIVEROOT_RETURN_IF_ERROR(sink_->Write(bytes));
  data_left_ -= bytes.size();
  if (data_left_ != 0 || padding_left_ == 0) return {};
  const std::string padding(padding_left_, '\0');
  padding_left_ = 0;
  return sink_->Write(padding);
}

Status TarWriter::Finish() {
  if (data_left_ != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "the contents of the last tar entry are not complete");
  }
  return sink_->Write(std::string(2 * kBlockSize, '\0'));
}

}  // namespace driveroot
