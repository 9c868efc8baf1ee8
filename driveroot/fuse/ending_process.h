// SPDX-License-Identifier: Apache-2.0
//
// Whether a thread that waits in a system call is to end, as the kernel shows
// it in /proc/PID/status. A local disk's reads and fsyncs are interrupted by
// nothing but the end of their process, so a signal that has a handler is no
// reason to fail them. Thread-safe.
#ifndef DRIVEROOT_FUSE_ENDING_PROCESS_H_
#define DRIVEROOT_FUSE_ENDING_PROCESS_H_

#include <sys/types.h>

#include <string_view>

namespace driveroot {

// `status` is the text of /proc/PID/status. Whether a signal is pending whose
// effect is that the process ends. False for a text without signals.
bool HasFatalSignal(std::string_view status);

// The same of a thread; also true when it is gone, or hidden from us.
bool IsEnding(pid_t thread);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_ENDING_PROCESS_H_
