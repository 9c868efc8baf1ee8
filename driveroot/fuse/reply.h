// SPDX-License-Identifier: Apache-2.0
//
// How requests of libfuse are read and answered in terms of FileSystem. Each
// Reply function answers a request, which must not be used after it.
// Thread-safe.
#ifndef DRIVEROOT_FUSE_REPLY_H_
#define DRIVEROOT_FUSE_REPLY_H_

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {

class ParkedRequests;

// The user data of a session. Both outlive it.
struct SessionContext {
  FileSystem* file_system = nullptr;
  ParkedRequests* parked = nullptr;
};

FileSystem& FileSystemOf(fuse_req_t request);
ParkedRequests& ParkedRequestsOf(fuse_req_t request);
// Its other groups, which are read from /proc, can be asked for until the
// request is answered.
Caller CallerOf(fuse_req_t request);

// Whether to note that a file or directory was read (O_NOATIME).
AccessNote AccessOf(const fuse_file_info* info);

struct stat StatOf(const Node& node);
fuse_entry_param EntryOf(const Node& node);
TimeNs TimeOf(const timespec& time);

// An operation that gives kUnavailable is parked, and done once more when there
// is room for what it changes.
void ReplyError(fuse_req_t request, const Error& error);
void ReplyStatus(fuse_req_t request, const Status& status);
// With a new reference to the inode, which is given back if the kernel does not
// take the answer.
void ReplyEntry(fuse_req_t request, const Result<Node>& node);
void ReplyAttributes(fuse_req_t request, const Result<Node>& node);
void ReplyBytes(fuse_req_t request, std::string_view bytes);
void ReplyPieces(fuse_req_t request, const FileBytes& bytes);

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_REPLY_H_
