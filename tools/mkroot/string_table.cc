// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/string_table.h"

#include <utility>

namespace driveroot {

uint64_t StringTable::Add(std::string_view text) {
  std::string reversed(text.rbegin(), text.rend());
  // Strings that end with `text` begin with `reversed`, so they sort behind it.
  const auto found = offsets_.lower_bound(reversed);
  if (found != offsets_.end() && found->first.starts_with(reversed)) {
    return found->second + found->first.size() - text.size();
  }
  const uint64_t offset = bytes_.size();
  bytes_ += text;
  bytes_ += '\0';
  offsets_.emplace(std::move(reversed), offset);
  return offset;
}

void AppendLittleEndian(uint64_t value, size_t width, std::string* target) {
  for (size_t i = 0; i < width; ++i) {
    target->push_back(static_cast<char>(value & 0xff));
    value >>= 8;
  }
}

}  // namespace driveroot
