// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of the thread that waits for a request and does not put
// into the request.
#ifndef DRIVEROOT_FUSE_REQUESTER_H_
#define DRIVEROOT_FUSE_REQUESTER_H_

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace driveroot {

// The number of the system call in which a thread waits for us. Nothing where
// that can't be told: it is of another PID namespace, belongs to the kernel or
// does not wait, or /proc hides it. Thread-safe, as all below.
std::optional<long> SystemCallOf(pid_t thread);

// The same from the contents of /proc/THREAD/syscall.
std::optional<long> ParseSystemCall(std::string_view description);

// Whether it is chown(2), fchown(2), lchown(2) or fchownat(2), of programs of
// 64 or 32 bits. FUSE asks for the same change of attributes for these, for a
// write to a set-id file and for overlayfs, which copies an owner.
bool IsChown(long system_call);

// Whether it opens a file by its handle, or mounts. Others who look for an
// inode by its number are overlayfs, which wants to know what a file was copied
// from.
bool MayUseHandles(long system_call);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_REQUESTER_H_
