// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/tar_acl.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

namespace driveroot {
namespace {

// Tags and versions of include/uapi/linux/posix_acl{,_xattr}.h.
constexpr uint32_t kVersion = 2;
constexpr uint16_t kUserObj = 0x01;
constexpr uint16_t kUser = 0x02;
constexpr uint16_t kGroupObj = 0x04;
constexpr uint16_t kGroup = 0x08;
constexpr uint16_t kMask = 0x10;
constexpr uint16_t kOther = 0x20;
constexpr uint32_t kNoId = 0xffffffff;

struct Entry {
  uint16_t tag = 0;
  uint16_t permissions = 0;
  uint32_t id = kNoId;
};

std::unexpected<Error> Bad(std::string_view entry, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, "access control list entry \"" +
                                               std::string(entry) + "\" " +
                                               std::string(why));
}

std::optional<uint32_t> ParseId(std::string_view text) {
  uint32_t id = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == kNoId) {
    return std::nullopt;
  }
  return id;
}

std::optional<uint16_t> ParsePermissions(std::string_view text) {
  uint16_t permissions = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c == 'r') {
      permissions |= 4;
    } else if (c == 'w') {
      permissions |= 2;
    } else if (c == 'x') {
      permissions |= 1;
    } else if (c != '-') {
      return std::nullopt;
    }
  }
  return permissions;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<Entry> ParseEntry(std::string_view text, const OwnerLookup& lookup) {
  std::vector<std::string_view> fields = Split(text, ':');
  // A default list may say so in each entry.
  if (fields.size() > 1 && (fields[0] == "default" || fields[0] == "d")) {
    fields.erase(fields.begin());
  }
  const std::string_view tag = fields[0];
  const bool is_user = tag == "user" || tag == "u";
  const bool is_group = tag == "group" || tag == "g";
  const bool is_mask = tag == "mask" || tag == "m";
  if (!is_user && !is_group && !is_mask && tag != "other" && tag != "o") {
    return Bad(text, "is of an unknown kind");
  }
  // Solaris leaves the empty name of these two out.
  if (!is_user && !is_group && fields.size() == 2) {
    fields.insert(fields.begin() + 1, std::string_view());
  }
  if (fields.size() < 3 || fields.size() > 4) return Bad(text, "is malformed");
  const std::optional<uint16_t> permissions = ParsePermissions(fields[2]);
  if (!permissions) return Bad(text, "has bad permissions");
  Entry entry = {.permissions = *permissions};
  const std::string_view name = fields[1];
  if (name.empty() && fields.size() == 4 && !fields[3].empty()) {
    return Bad(text, "has a number but no name");
  }
  if (name.empty() || (!is_user && !is_group)) {
    if (!name.empty()) return Bad(text, "has a name where none can be");
    entry.tag = is_user    ? kUserObj
                : is_group ? kGroupObj
                : is_mask  ? kMask
                           : kOther;
    return entry;
  }
  entry.tag = is_user ? kUser : kGroup;
  std::optional<uint32_t> id;
  if (fields.size() == 4) id = ParseId(fields[3]);
  if (!id) id = ParseId(name);
  if (!id) id = lookup(is_group, name);
  if (!id) return Bad(text, "names somebody unknown");
  entry.id = *id;
  return entry;
}

void Append(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = 0; i < bytes; ++i) {
    *out += static_cast<char>(value >> (8 * i) & 0xff);
  }
}

}  // namespace

Result<std::string> AclXattrFromText(std::string_view text,
                                     const OwnerLookup& lookup) {
  std::vector<Entry> entries;
  std::string separated(text);
  std::ranges::replace(separated, '\n', ',');
  for (std::string_view part : Split(separated, ',')) {
    // What behind "#" says what an entry comes to.
    part = Trim(part.substr(0, part.find('#')));
    if (part.empty()) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const Entry entry, ParseEntry(part, lookup));
    entries.push_back(entry);
  }
  const auto key = [](const Entry& entry) {
    return std::tuple(entry.tag, entry.id);
  };
  std::ranges::sort(entries, {}, key);
  if (std::ranges::adjacent_find(entries, {}, key) != entries.end()) {
    return Bad(text, "names somebody twice");
  }
  uint16_t all = 0;
  uint16_t group_class = 0;
  for (const Entry& entry : entries) {
    all |= entry.tag;
    if ((entry.tag & (kUser | kGroupObj | kGroup)) != 0) {
      group_class |= entry.permissions;
    }
  }
  constexpr uint16_t kNeeded = kUserObj | kGroupObj | kOther;
  if ((all & kNeeded) != kNeeded) return Bad(text, "lacks an owner's entry");
  if (all != kNeeded && (all & kMask) == 0) {
    entries.push_back({.tag = kMask, .permissions = group_class});
    std::ranges::sort(entries, {}, key);
  }
  std::string xattr;
  Append(kVersion, 4, &xattr);
  for (const Entry& entry : entries) {
    Append(entry.tag, 2, &xattr);
    Append(entry.permissions, 2, &xattr);
    Append(entry.id, 4, &xattr);
  }
  return xattr;
}

bool IsMinimalAcl(std::string_view xattr) { return xattr.size() == 4 + 3 * 8; }

}  // namespace driveroot
