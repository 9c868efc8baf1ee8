// SPDX-License-Identifier: Apache-2.0
//
// What lets the daemon under a root file system live longer than everything
// that runs on it. systemd-shutdown stops all processes with SIGSTOP and then
// may need one answer from us; while we are stopped, that is a deadlock. Three
// things together prevent it: the kernel's caches never expire (session.cc),
// and the two here that wake a stopped daemon.
//
// Not thread-safe: called once, by the main thread.
#ifndef DRIVEROOT_FUSE_SURVIVAL_H_
#define DRIVEROOT_FUSE_SURVIVAL_H_

#include <memory>

#include "driveroot/base/result.h"

namespace driveroot {

// Before any thread is started: takes the process out of reach of the memory
// killer, of paging, of terminals and of the signals of a shutdown. What the
// system refuses is logged and left out.
void PrepareToSurvive();

// Wakes this process when it is stopped: whenever the kernel sends a request to
// `fuse_fd`, and by a timer for what was being served when the stop came. Lives
// until destroyed.
class Waker {
 public:
  static Result<std::unique_ptr<Waker>> Start(int fuse_fd);
  virtual ~Waker() = default;
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_SURVIVAL_H_
