// SPDX-License-Identifier: Apache-2.0
//
// The system calls by which an init that knows nothing of us would end the
// daemon under its own root, or the machine before everything is stored: they
// are held (seccomp_unotify(2)) until the guard has decided.
//
//   kill(-1, …)            signals everybody, the daemon included
//   kill(one of us, …)     the same by somebody who walks through /proc
//   reboot(…)              ends the machine
//
// Pure functions, but for Install: safe from any thread.
#ifndef INITRD_GUARD_CALL_FILTER_H_
#define INITRD_GUARD_CALL_FILTER_H_

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {

// The program that holds these calls and lets all others pass. Continuing
// somebody (SIGCONT) and asking whether a process is there (0) pass, too.
std::vector<sock_filter> MakeCallFilter(std::span<const pid_t> guarded);

// Puts this process, which must have one thread and CAP_SYS_ADMIN, and all that
// it will start under the filter. Returns the descriptor at which the held
// calls arrive.
Result<UniqueFd> InstallCallFilter(std::span<const pid_t> guarded);

// Who made a call, from /proc/PID/status and the namespaces of the process.
struct CallingProcess {
  pid_t process = 0;               // the thread group
  bool in_our_namespaces = false;  // of processes and users
  bool is_root = false;            // one of its user ids is 0
  bool may_kill = false;           // CAP_KILL
  bool may_reboot = false;         // CAP_SYS_BOOT
};

// The part of it that /proc/PID/status holds.
CallingProcess ParseProcessStatus(std::string_view status);

enum class HeldCall : uint8_t {
  kPass,       // the kernel decides, as without us
  kRefuse,     // EPERM
  kSignalAll,  // everybody but us gets the signal
  kEnd,        // the machine ends: everything is saved first
};

// What is to be done about a held call.
HeldCall Decide(const seccomp_data& call, const CallingProcess& caller);

}  // namespace driveroot

#endif  // INITRD_GUARD_CALL_FILTER_H_
