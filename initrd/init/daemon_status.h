// SPDX-License-Identifier: Apache-2.0
//
// The lines that the daemon writes to its status descriptor while it mounts:
//   {"progress": "text"[, "done": BYTES, "total": BYTES]}
//   {"mounted": true}
//   {"error": "message"[, "busy": true]}
//
// Pure functions: safe from any thread.
#ifndef INITRD_INIT_DAEMON_STATUS_H_
#define INITRD_INIT_DAEMON_STATUS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "driveroot/base/result.h"

namespace driveroot {

struct MountProgress {
  std::string text = {};
  uint64_t done = 0;
  uint64_t total = 0;  // Bytes; 0 when it is not known.

  bool operator==(const MountProgress&) const = default;
};

struct Mounted {
  bool operator==(const Mounted&) const = default;
};

struct MountFailed {
  std::string message = {};
  bool is_busy = false;  // in use elsewhere, and can be taken over (--steal)

  bool operator==(const MountFailed&) const = default;
};

using DaemonStatus = std::variant<MountProgress, Mounted, MountFailed>;

// Reads one line, without its line end.
Result<DaemonStatus> ParseDaemonStatus(std::string_view line);

// "reading the log: 3.2 of 11.0 MiB".
std::string DescribeProgress(const MountProgress& progress);

}  // namespace driveroot

#endif  // INITRD_INIT_DAEMON_STATUS_H_
