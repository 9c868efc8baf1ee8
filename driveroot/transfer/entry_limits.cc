// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/entry_limits.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/volume/limits.h"

namespace driveroot {
namespace {

// A message is for people.
constexpr size_t kShownBytes = 200;

std::string Shown(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  return std::string(text.substr(0, kShownBytes)) + "...";
}

Status CheckLength(const TarEntry& entry, const std::string& what,
                   uint64_t bytes, uint64_t limit) {
  if (bytes <= limit) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "cannot store " + Shown(entry.path) + ": " + what + " has " +
                  std::to_string(bytes) + " bytes, of at most " +
                  std::to_string(limit) + "; leave it out");
}

Status CheckNames(const TarEntry& entry) {
  std::string_view rest = entry.path;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    DRIVEROOT_RETURN_IF_ERROR(CheckLength(entry, "a name in its path",
                                          name.size(), limits::kNameBytes));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return {};
}

Status CheckXattrs(const TarEntry& entry) {
  uint64_t names = 0;
  uint64_t total = 0;
  for (const auto& [name, value] : entry.xattrs) {
    const std::string what = "its extended attribute " + Shown(name);
    DRIVEROOT_RETURN_IF_ERROR(CheckLength(
        entry, "the name of " + what, name.size(), limits::kXattrNameBytes));
    DRIVEROOT_RETURN_IF_ERROR(
        CheckLength(entry, what, value.size(), limits::kXattrValueBytes));
    names += name.size() + 1;
    total += name.size() + value.size();
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckLength(entry,
                                        "the list of its extended attributes",
                                        names, limits::kXattrListBytes));
  return CheckLength(entry, "all of its extended attributes", total,
                     limits::kXattrTotalBytes);
}

}  // namespace

Status CheckEntryLimits(const TarEntry& entry) {
  DRIVEROOT_RETURN_IF_ERROR(CheckNames(entry));
  if (entry.type == TarType::kSymlink) {
    DRIVEROOT_RETURN_IF_ERROR(CheckLength(entry, "the target of this symlink",
                                          entry.link_target.size(),
                                          limits::kSymlinkBytes));
  }
  if (entry.size > limits::kFileBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot store " + Shown(entry.path) +
                    ": a file ends at 2^63 - 1 bytes");
  }
  return CheckXattrs(entry);
}

}  // namespace driveroot
