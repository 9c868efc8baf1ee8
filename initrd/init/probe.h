// SPDX-License-Identifier: Apache-2.0
//
// Asks a process (initrd/probe) whether the store is reached over an interface,
// and what time it is there. Not thread-safe.
#ifndef INITRD_INIT_PROBE_H_
#define INITRD_INIT_PROBE_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/console/console.h"
#include "initrd/dhcp/lease.h"
#include "initrd/init/settings.h"
#include "initrd/probe/report.h"
#include "initrd/process/children.h"

namespace driveroot {

class Probe {
 public:
  static Result<Probe> Start(const Settings& settings, const Lease& lease,
                             Children& children);

  // What it found, once, when it has ended; it ends within 20 s.
  std::optional<ProbeReport> Poll(Children& children);

 private:
  pid_t pid_ = -1;
  UniqueFd output_;
  std::string text_;
};

// Sets the clock as MendedTime has it, and says so. True: it was wrong.
bool MendClock(const ProbeReport& report, Console& console);

}  // namespace driveroot

#endif  // INITRD_INIT_PROBE_H_
