// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/operations.h"

#include <atomic>
#include <cstdint>

namespace driveroot {
namespace {

// The largest request that the kernel makes (256 pages).
constexpr uint32_t kMaxRequestBytes = 1 << 20;
// The kernel's own limit of 12 also counts read-ahead, and a request may wait
// for the network: while so many reads of pages wait, no other one is sent.
constexpr uint32_t kMaxBackground = 256;

constexpr uint64_t kWanted =
    // What the kernel has cached stays true until we say otherwise.
    FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_CACHE_SYMLINKS |
    // open, close and opendir need no round trip: there is nothing to open.
    FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
    FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ |
    // Set-id bits and capabilities go at a write without being asked for.
    FUSE_CAP_HANDLE_KILLPRIV_V2 |
    // The kernel checks access lists; umask against default lists is ours.
    FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK |
    // name_to_handle_at(2), which systemd uses.
    FUSE_CAP_EXPORT_SUPPORT;

constexpr uint64_t kUnwanted =
    FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
    // Every write reaches us in order, so a crash leaves a prefix of them.
    FUSE_CAP_WRITEBACK_CACHE |
    // Linux does not drop what it has cached when an asynchronous direct write
    // is done (generic_file_direct_write), and readers beside it would see old
    // bytes for good.
    FUSE_CAP_ASYNC_DIO |
    // There is no open to carry O_TRUNC.
    FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
    FUSE_CAP_SPLICE_MOVE |
    // Locks stay in the kernel, which knows those of open file descriptions.
    FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS;

// Linux 6.16 brought epochs of names, along with this version of the protocol,
// and gives none to names that it makes up for inodes that it found by number.
constexpr unsigned kEpochsMinor = 44;
std::atomic<bool> kernel_forgets_unnamed = false;

void Initialize(void*, fuse_conn_info* connection) {
  kernel_forgets_unnamed = connection->proto_minor >= kEpochsMinor;
  connection->want_ext &= ~kUnwanted;
  connection->want_ext |= kWanted & connection->capable_ext;
  // libfuse takes differences between the two for two wishes.
  connection->want = static_cast<uint32_t>(connection->want_ext);
  connection->max_write = kMaxRequestBytes;
  connection->max_background = kMaxBackground;
  connection->time_gran = 1;
}

}  // namespace

bool KernelForgetsUnnamed() { return kernel_forgets_unnamed; }

fuse_lowlevel_ops MakeOperations() {
  fuse_lowlevel_ops operations = {};
  operations.init = Initialize;
  // flush, open and opendir stay away: the kernel is told so once, and never
  // asks again.
  AddNodeOperations(operations);
  AddDataOperations(operations);
  AddDirectoryOperations(operations);
  AddXattrOperations(operations);
  CountRequests(operations);
  return operations;
}

}  // namespace driveroot
