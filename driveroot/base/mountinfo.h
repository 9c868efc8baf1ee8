// SPDX-License-Identifier: Apache-2.0
//
// The mounts that a process sees: /proc/self/mountinfo (proc(5)).
//
// Thread-safe; pure but for ReadMountinfo().
#ifndef DRIVEROOT_BASE_MOUNTINFO_H_
#define DRIVEROOT_BASE_MOUNTINFO_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

struct MountEntry {
  std::string device = {};  // "MAJOR:MINOR".
  std::string target = {};  // Where it is mounted, unescaped.
  std::string type = {};    // "fuse.driveroot".
  // Who mounted it, as file systems in user space tell (user_id=).
  std::optional<uid_t> owner = {};

  bool operator==(const MountEntry&) const = default;
};

// The entries in the file's order: what was mounted later comes later, so of
// several on one target the last is the one that is seen. Lines that do not
// look right are skipped.
std::vector<MountEntry> ParseMountinfo(std::string_view text);

// The mounts that this process sees now. The errors of ReadFile().
Result<std::vector<MountEntry>> ReadMountinfo();

// "MAJOR:MINOR".
std::string DeviceName(dev_t device);

// The targets at and below `folder`, in an order in which each can be
// unmounted: what was mounted last comes first.
std::vector<std::string> UnmountOrder(const std::vector<MountEntry>& mounts,
                                      std::string_view folder);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_MOUNTINFO_H_
