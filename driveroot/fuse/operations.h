// SPDX-License-Identifier: Apache-2.0
//
// The table of operations that libfuse calls, over a SessionContext as the
// session's user data. Operations run in several threads at once, and none
// waits for the store.
#ifndef DRIVEROOT_FUSE_OPERATIONS_H_
#define DRIVEROOT_FUSE_OPERATIONS_H_

#include <fuse_lowlevel.h>

namespace driveroot {

fuse_lowlevel_ops MakeOperations();

// The parts of the table, one per file.
void AddNodeOperations(fuse_lowlevel_ops& operations);
void AddDataOperations(fuse_lowlevel_ops& operations);
void AddDirectoryOperations(fuse_lowlevel_ops& operations);
void AddXattrOperations(fuse_lowlevel_ops& operations);

// Whether this kernel takes an inode that it looked for by number for stale as
// soon as it looks at it again, without asking. Known after the first session
// began.
bool KernelForgetsUnnamed();

// Has each operation that is there counted (request_counts.h) and named
// (current_operation.h).
void CountRequests(fuse_lowlevel_ops& operations);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_OPERATIONS_H_
