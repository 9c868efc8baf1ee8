// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/range.h"

#include <algorithm>

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

ByteRange ParseRange(std::string_view header, uint64_t size) {
  using Kind = ByteRange::Kind;
  constexpr std::string_view kUnit = "bytes=";
  if (AsciiLower(header.substr(0, kUnit.size())) != kUnit) return {};
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = header.substr(0, dash);
  const std::string_view last_text = header.substr(dash + 1);
  const auto first = ParseDecimal(first_text);
  const auto last = ParseDecimal(last_text);

  if (first_text.empty()) {  // The last N bytes.
    if (!last) return {};
    if (*last == 0 || size == 0) return {.kind = Kind::kUnsatisfiable};
    const uint64_t length = std::min(*last, size);
    return {.kind = Kind::kPart, .offset = size - length, .length = length};
  }
  if (!first || (!last && !last_text.empty())) return {};
  if (last && *last < *first) return {};
  if (*first >= size) return {.kind = Kind::kUnsatisfiable};
  const uint64_t end = last && *last < size ? *last + 1 : size;
  return {.kind = Kind::kPart, .offset = *first, .length = end - *first};
}

std::optional<ContentRange> ParseContentRange(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (AsciiLower(header.substr(0, kUnit.size())) != kUnit) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const size_t slash = header.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view range = header.substr(0, slash);
  const std::string_view total = header.substr(slash + 1);

  ContentRange parsed;
  if (total != "*") {
    parsed.total = ParseDecimal(total);
    if (!parsed.total) return std::nullopt;
  }
  if (range == "*") return parsed;
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = ParseDecimal(range.substr(0, dash));
  const auto last = ParseDecimal(range.substr(dash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX ||
      (parsed.total && *last >= *parsed.total))
    return std::nullopt;
  parsed.has_bytes = true;
  parsed.first = *first;
  parsed.last = *last;
  return parsed;
}

}  // namespace driveroot::fakedrive
