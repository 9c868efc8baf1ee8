// SPDX-License-Identifier: Apache-2.0
//
// Operations on extended attributes.
#include <cerrno>

#include "driveroot/fs/acl.h"
#include "driveroot/fuse/operations.h"
#include "driveroot/fuse/reply.h"

namespace driveroot {
namespace {

// A buffer of no bytes asks for the size; one too small gives ERANGE.
void ReplySized(fuse_req_t request, const Result<std::string>& value,
                size_t capacity) {
  if (!value) return ReplyError(request, value.error());
  if (capacity == 0) {
    fuse_reply_xattr(request, value->size());
  } else if (value->size() > capacity) {
    fuse_reply_err(request, ERANGE);
  } else {
    ReplyBytes(request, *value);
  }
}

void SetXattr(fuse_req_t request, fuse_ino_t number, const char* name,
              const char* value, size_t size, int flags) {
  ReplyStatus(request,
              FileSystemOf(request).SetXattr(number, name, {value, size}, flags,
                                             CallerOf(request)));
}

void GetXattr(fuse_req_t request, fuse_ino_t number, const char* name,
              size_t capacity) {
  ReplySized(request, FileSystemOf(request).GetXattr(number, name), capacity);
}

void ListXattrs(fuse_req_t request, fuse_ino_t number, size_t capacity) {
  ReplySized(request,
             FileSystemOf(request).ListXattrs(number, CallerOf(request)),
             capacity);
}

void RemoveXattr(fuse_req_t request, fuse_ino_t number, const char* name) {
  ReplyStatus(request, FileSystemOf(request).RemoveXattr(number, name));
}

}  // namespace

void AddXattrOperations(fuse_lowlevel_ops& operations) {
  operations.setxattr = SetXattr;
  operations.getxattr = GetXattr;
  operations.listxattr = ListXattrs;
  operations.removexattr = RemoveXattr;
}

}  // namespace driveroot
