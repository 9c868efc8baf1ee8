// SPDX-License-Identifier: Apache-2.0
//
// The mounts that a process sees: /proc/self/mountinfo (proc(5)).
//
// Pure functions: safe from any thread.
#ifndef INITRD_MOUNTINFO_MOUNTINFO_H_
#define INITRD_MOUNTINFO_MOUNTINFO_H_

#include <string>
#include <string_view>
#include <vector>

namespace driveroot {

struct MountEntry {
  std::string device = {};  // "MAJOR:MINOR".
  std::string target = {};  // Where it is mounted, unescaped.
  std::string type = {};    // "fuse.driveroot".

  bool operator==(const MountEntry&) const = default;
};

// The entries in the file's order: what was mounted later comes later. Lines
// that do not look right are skipped.
std::vector<MountEntry> ParseMountinfo(std::string_view text);

// The targets at and below `folder`, in an order in which each can be
// unmounted: what was mounted last comes first.
std::vector<std::string> UnmountOrder(const std::vector<MountEntry>& mounts,
                                      std::string_view folder);

}  // namespace driveroot

#endif  // INITRD_MOUNTINFO_MOUNTINFO_H_
