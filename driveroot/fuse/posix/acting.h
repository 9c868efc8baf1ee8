// SPDX-License-Identifier: Apache-2.0
//
// ActAs: the calling thread as another user for as long as this lives. It calls
// the kernel itself, since the C library's functions change all threads.
#ifndef DRIVEROOT_FUSE_POSIX_ACTING_H_
#define DRIVEROOT_FUSE_POSIX_ACTING_H_

#include <sys/syscall.h>
#include <unistd.h>

#include <optional>

#include "driveroot/fuse/posix/script.h"

namespace driveroot::posix {

class ActAs {
 public:
  // Nobody given: nothing changes. Precondition: this is root.
  explicit ActAs(const std::optional<Credentials>& who)
      : active_(who.has_value()) {
    if (!active_) return;
    syscall(SYS_setgroups, who->groups.size() - 1, who->groups.data() + 1);
    syscall(SYS_setresgid, who->groups.front(), who->groups.front(), 0);
    syscall(SYS_setresuid, who->uid, who->uid, 0);
  }
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;
  ~ActAs() {
    if (!active_) return;
    syscall(SYS_setresuid, 0, 0, 0);
    syscall(SYS_setresgid, 0, 0, 0);
    syscall(SYS_setgroups, 0, nullptr);
  }

 private:
  const bool active_;
};

}  // namespace driveroot::posix

#endif  // DRIVEROOT_FUSE_POSIX_ACTING_H_
