// SPDX-License-Identifier: Apache-2.0
//
// NUL-terminated strings in one buffer, none twice: a string that ends another
// one is found inside it. Not thread-safe.
#ifndef TOOLS_MKROOT_STRING_TABLE_H_
#define TOOLS_MKROOT_STRING_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace driveroot {

class StringTable {
 public:
  // The table begins with the empty string, at offset 0.
  StringTable() { Add(""); }

  // The offset of `text` in bytes(). Strings are appended in the order of the
  // calls; a later string that ends with an earlier one does not replace it.
  uint64_t Add(std::string_view text);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::map<std::string, uint64_t> offsets_;  // By the reversed string.
};

// Appends the `width` low bytes of `value`, the least significant first.
void AppendLittleEndian(uint64_t value, size_t width, std::string* target);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_STRING_TABLE_H_
