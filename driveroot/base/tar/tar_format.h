// SPDX-License-Identifier: Apache-2.0
//
// The bytes of tar headers, shared by the reader and the writer: field layout,
// numbers, checksums and pax records. Pure functions of their arguments.
// Malformed input gives kDataLoss.
#ifndef DRIVEROOT_BASE_TAR_TAR_FORMAT_H_
#define DRIVEROOT_BASE_TAR_TAR_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/tar.h"

namespace driveroot::tar_format {

inline constexpr size_t kBlockSize = 512;

// A field of the ustar header: POSIX.1-2017, pax, "ustar Header Block".
struct Field {
  size_t offset;
  size_t size;
};
inline constexpr Field kName{0, 100};
inline constexpr Field kMode{100, 8};
inline constexpr Field kUid{108, 8};
inline constexpr Field kGid{116, 8};
inline constexpr Field kSize{124, 12};
inline constexpr Field kModified{136, 12};
inline constexpr Field kChecksum{148, 8};
inline constexpr Field kType{156, 1};
inline constexpr Field kLinkName{157, 100};
inline constexpr Field kMagic{257, 6};
inline constexpr Field kVersion{263, 2};
inline constexpr Field kUserName{265, 32};
inline constexpr Field kGroupName{297, 32};
inline constexpr Field kDeviceMajor{329, 8};
inline constexpr Field kDeviceMinor{337, 8};
inline constexpr Field kPrefix{345, 155};

// The bytes from the end of `size` to the next block.
inline constexpr uint64_t PaddingOf(uint64_t size) {
  return (kBlockSize - size % kBlockSize) % kBlockSize;
}

// The field's text up to its first NUL.
std::string_view TextOf(std::string_view header, Field field);

// The field's number: octal digits, or GNU's base-256 with the top bit set.
// An empty field is 0.
Result<int64_t> NumberOf(std::string_view header, Field field);

// The checksum over `header` with its own field taken as spaces.
uint32_t ChecksumOf(std::string_view header);

// The same over signed bytes, as some historic programs computed it.
int32_t SignedChecksumOf(std::string_view header);

using Records = std::map<std::string, std::string, std::less<>>;

// Adds the records of a pax header to `records`. An empty value removes one.
Status ParsePaxRecords(std::string_view text, Records* records);

// One record, "LENGTH KEY=VALUE\n", where LENGTH counts the whole of it.
std::string FormatPaxRecord(std::string_view key, std::string_view value);

// "-12.5" is 12.5 seconds before 1970.
Result<TarTime> ParsePaxTime(std::string_view text);
std::string FormatPaxTime(TarTime time);

Result<uint64_t> ParsePaxNumber(std::string_view key, std::string_view text);

// A pax keyword ends at the first "=", so that GNU tar writes "=" and "%" in an
// attribute's name as %3D and %25.
std::string EscapeXattrName(std::string_view name);
std::string UnescapeXattrName(std::string_view keyword);

inline constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

}  // namespace driveroot::tar_format

#endif  // DRIVEROOT_BASE_TAR_TAR_FORMAT_H_
