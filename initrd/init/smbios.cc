// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/smbios.h"

#include <cstddef>
#include <cstdint>

namespace driveroot {
namespace {

constexpr size_t kHeaderSize = 4;  // Type, length, two bytes of handle.
constexpr uint8_t kOemStrings = 11;
constexpr uint8_t kEndOfTable = 127;

// Takes one zero-terminated string off `table`; false if there is no end.
bool TakeString(std::string_view& table, std::string_view& ret_string) {
  const size_t end = table.find('\0');
  if (end == table.npos) return false;
  ret_string = table.substr(0, end);
  table.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::vector<std::string> ParseOemStrings(std::string_view table) {
  std::vector<std::string> found;
  while (table.size() >= kHeaderSize) {
    const auto type = static_cast<uint8_t>(table[0]);
    const auto length = static_cast<uint8_t>(table[1]);
    if (type == kEndOfTable || length < kHeaderSize || length > table.size()) {
      break;
    }
    table.remove_prefix(length);

    // The structure's strings follow, then an empty one; a structure without
    // strings has two zero bytes there.
    std::string_view string;
    if (!TakeString(table, string)) break;
    if (string.empty()) {
      if (!table.starts_with('\0')) break;
      table.remove_prefix(1);
      continue;
    }
    while (!string.empty()) {
      if (type == kOemStrings) found.emplace_back(string);
      if (!TakeString(table, string)) return found;
    }
  }
  return found;
}

}  // namespace driveroot
