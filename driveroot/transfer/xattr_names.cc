// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/xattr_names.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace driveroot {
namespace {

constexpr std::string_view kUser = "user.";
// XATTR_NAME_MAX and XATTR_SIZE_MAX of include/uapi/linux/limits.h.
constexpr size_t kMaxName = 255;
constexpr size_t kMaxValue = 65536;

constexpr std::string_view kConverted =
    "attributes of other systems got \"user.\" before their names";
constexpr std::string_view kLeftOut =
    "attributes that Linux cannot have there were left out";

bool MayHaveUserXattrs(TarType type) {
  return type == TarType::kFile || type == TarType::kDirectory;
}

// Whether the name is in a namespace of Linux that a volume keeps.
bool IsOfLinux(std::string_view name) {
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (name.starts_with(prefix)) return name.size() > prefix.size();
  }
  return name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

}  // namespace

void FitXattrs(TarEntry* entry, TransferNotes* notes) {
  // Its first name has them; some programs repeat them.
  if (entry->type == TarType::kHardLink) {
    entry->xattrs.clear();
    return;
  }
  std::map<std::string, std::string> kept;
  std::map<std::string, std::string> converted;
  for (auto& [name, value] : entry->xattrs) {
    const bool user_fits = MayHaveUserXattrs(entry->type);
    if (IsOfLinux(name) && (user_fits || !name.starts_with(kUser))) {
      kept.emplace(name, std::move(value));
    } else if (!IsOfLinux(name) && user_fits && !name.empty() &&
               !name.starts_with("system.") && !name.starts_with(kUser) &&
               kUser.size() + name.size() <= kMaxName &&
               value.size() <= kMaxValue) {
      notes->Add(kConverted, entry->path + " (" + name + ")");
      converted.emplace(std::string(kUser) + name, std::move(value));
    } else {
      notes->Add(kLeftOut, entry->path + " (" + name + ")");
    }
  }
  // One that has the name already wins.
  kept.merge(converted);
  entry->xattrs = std::move(kept);
}

}  // namespace driveroot
