// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/owner_names.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "driveroot/base/files.h"

namespace driveroot {

std::optional<uint32_t> FindOwnerIn(std::string_view file,
                                    std::string_view name) {
  while (!file.empty()) {
    std::string_view line = file.substr(0, file.find('\n'));
    file.remove_prefix(std::min(line.size() + 1, file.size()));
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) {
      continue;
    }
    // NAME:PASSWORD:NUMBER:…
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find(':'), line.size() - 1) + 1);
    uint32_t id = 0;
    const auto [end, error] =
        std::from_chars(line.data(), line.data() + line.size(), id);
    if (error == std::errc() && end != line.data() + line.size() &&
        *end == ':') {
      return id;
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> LookUpOwner(bool is_group, std::string_view name) {
  constexpr uint64_t kMaxBytes = 16 << 20;
  static const std::string users =
      ReadFile("/etc/passwd", kMaxBytes).value_or("");
  static const std::string groups =
      ReadFile("/etc/group", kMaxBytes).value_or("");
  if (name.empty()) return std::nullopt;
  return FindOwnerIn(is_group ? groups : users, name);
}

}  // namespace driveroot
