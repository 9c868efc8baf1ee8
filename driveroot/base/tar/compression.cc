// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/compression.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace driveroot {
namespace {

using std::string_view_literals::operator""sv;

struct Magic {
  std::string_view bytes;
  Compressed format;
};
constexpr Magic kMagics[] = {
    {"\x1f\x8b"sv, Compressed::kGzip},
    {"\xfd"
     "7zXZ\0"sv,
     Compressed::kXz},
    {"LZIP"sv, Compressed::kXz},
    {"\x28\xb5\x2f\xfd"sv, Compressed::kZstd},
};

struct Foreign {
  std::string_view bytes;
  std::string_view name;
  std::string_view program;  // that writes it to standard output as it was
};
constexpr Foreign kForeign[] = {
    {"BZh"sv, "bzip2", "bzip2 -dc"},
    {"\x04\x22\x4d\x18"sv, "lz4", "lz4 -dc"},
    {"\x1f\x9d"sv, "compress", "gzip -dc"},
    {"\x89LZO\0\r\n\x1a\n"sv, "lzop", "lzop -dc"},
    {"LRZI"sv, "lrzip", "lrzip -d -o -"},
    {"PK\3\4"sv, "zip", ""},
    {"7z\xbc\xaf\x27\x1c"sv, "7z", ""},
    {"Rar!\x1a\7"sv, "rar", ""},
    {"070701"sv, "cpio", ""},
    {"070702"sv, "cpio", ""},
    {"070707"sv, "cpio", ""},
    {"!<arch>\n"sv, "ar (as a Debian package is)", ""},
    {"hsqs"sv, "squashfs", ""},
};

// .lzma has no magic: properties, of which all writers use the same, and the
// size of the dictionary, which has at most two bits (xz,
// doc/lzma-file-format).
bool IsLzmaAlone(std::string_view bytes) {
  if (bytes.size() < 13 || bytes[0] != '\x5d') return false;
  uint32_t size = 0;
  for (size_t i = 4; i >= 1; --i) {
    size = size << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return size >= 4096 && std::popcount(size) <= 2;
}

// Frames of zstd that hold no contents; parallel compressors begin with one.
bool IsSkippableFrame(std::string_view bytes) {
  return bytes.size() >= 4 && (bytes[0] & '\xf0') == '\x50' &&
         bytes.substr(1).starts_with("\x2a\x4d\x18"sv);
}

}  // namespace

Result<Compressed> RecognizeCompression(std::string_view first_bytes) {
  for (const Magic& magic : kMagics) {
    if (first_bytes.starts_with(magic.bytes)) return magic.format;
  }
  if (IsSkippableFrame(first_bytes)) return Compressed::kZstd;
  if (IsLzmaAlone(first_bytes)) return Compressed::kXz;
  for (const Foreign& foreign : kForeign) {
    if (!first_bytes.starts_with(foreign.bytes)) continue;
    const std::string name(foreign.name);
    if (foreign.program.empty()) {
      return Fail(ErrorCode::kNotSupported,
                  "it is an archive of format " + name +
                      ", not tar; unpack it and push the folder");
    }
    return Fail(ErrorCode::kNotSupported,
                "it is compressed with " + name +
                    ", which is not supported; decompress it on the way: " +
                    std::string(foreign.program) +
                    " FILE | driveroot push - VOLUME");
  }
  return Compressed::kNot;
}

Result<std::optional<Compressed>> CompressionOfName(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto ends_with_one_of =
      [&name](std::initializer_list<std::string_view> suffixes) {
        return std::ranges::any_of(suffixes, [&name](std::string_view suffix) {
          return name.ends_with(suffix);
        });
      };
  if (name.ends_with(".tar")) return Compressed::kNot;
  if (ends_with_one_of({".tar.gz", ".tgz", ".taz"})) return Compressed::kGzip;
  if (ends_with_one_of({".tar.xz", ".txz"})) return Compressed::kXz;
  if (ends_with_one_of({".tar.zst", ".tzst", ".tar.zstd"})) {
    return Compressed::kZstd;
  }
  if (name.find(".tar.") != std::string::npos ||
      ends_with_one_of({".tbz", ".tbz2", ".tz2", ".tlz", ".tz", ".gz", ".xz",
                        ".zst", ".bz2", ".lz", ".lz4", ".lzma", ".lzo", ".zip",
                        ".7z", ".rar", ".cpio", ".pax", ".z"})) {
    return Fail(ErrorCode::kNotSupported,
                std::string(path) +
                    " looks like the name of an archive that cannot be "
                    "written: .tar, .tar.gz, .tar.xz and .tar.zst can; for a "
                    "folder of this name end it with /");
  }
  return std::nullopt;
}

}  // namespace driveroot
