// SPDX-License-Identifier: Apache-2.0
//
// The Range header of downloads and the Content-Range header of uploads.
#ifndef VMTEST_FAKEDRIVE_DRIVE_RANGE_H_
#define VMTEST_FAKEDRIVE_DRIVE_RANGE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace driveroot::fakedrive {

struct ByteRange {
  enum class Kind : uint8_t {
    kWhole,          // No range, or one that is to be ignored: 200.
    kPart,           // 206 with [offset, offset + length).
    kUnsatisfiable,  // 416. Any range on an empty file is that.
  };
  Kind kind = Kind::kWhole;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Several ranges at once, other units and malformed values are ignored, as RFC
// 9110, section 14.2 permits.
ByteRange ParseRange(std::string_view header, uint64_t size);

// "bytes a-b/T", "bytes a-b/*", "bytes */T" or "bytes */*".
struct ContentRange {
  bool has_bytes = false;  // False: a status query.
  uint64_t first = 0;
  uint64_t last = 0;
  std::optional<uint64_t> total;
};

// Nullopt if it is malformed or contradicts itself.
std::optional<ContentRange> ParseContentRange(std::string_view header);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_RANGE_H_
