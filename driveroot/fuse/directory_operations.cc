// SPDX-License-Identifier: Apache-2.0
//
// Operations that list directories.
#include <memory>
#include <string>

#include "driveroot/fuse/operations.h"
#include "driveroot/fuse/parked_requests.h"
#include "driveroot/fuse/reply.h"

namespace driveroot {
namespace {

// Adds an entry at the end of a buffer of `capacity` bytes of which `used` are
// used; false when it does not fit.
bool AddEntry(fuse_req_t request, char* buffer, size_t capacity, size_t& used,
              bool with_attributes, const DirectoryEntry& entry) {
  // libfuse wants a string that ends with a NUL.
  const std::string name(entry.name);
  const size_t room = capacity - used;
  fuse_entry_param parameters = {};
  if (entry.node.number != kNoInode) {
    parameters = EntryOf(entry.node);
  } else {
    parameters.attr.st_ino = entry.number;
    parameters.attr.st_mode = entry.mode;
  }
  const off_t next = static_cast<off_t>(entry.next_position);
  const size_t size =
      with_attributes ? fuse_add_direntry_plus(request, buffer + used, room,
                                               name.c_str(), &parameters, next)
                      : fuse_add_direntry(request, buffer + used, room,
                                          name.c_str(), &parameters.attr, next);
  if (size > room) return false;
  used += size;
  return true;
}

void List(fuse_req_t request, fuse_ino_t number, size_t capacity, off_t offset,
          const fuse_file_info* info, bool with_attributes) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(capacity);
  size_t used = 0;
  const Status status = FileSystemOf(request).ReadDirectory(
      number, static_cast<uint64_t>(offset), with_attributes, AccessOf(info),
      [&](const DirectoryEntry& entry) {
        return AddEntry(request, buffer.get(), capacity, used, with_attributes,
                        entry);
      });
  if (!status) return ReplyError(request, status.error());
  ReplyBytes(request, {buffer.get(), used});
}

void ReadDirectory(fuse_req_t request, fuse_ino_t number, size_t capacity,
                   off_t offset, fuse_file_info* info) {
  List(request, number, capacity, offset, info, false);
}

void ReadDirectoryPlus(fuse_req_t request, fuse_ino_t number, size_t capacity,
                       off_t offset, fuse_file_info* info) {
  List(request, number, capacity, offset, info, true);
}

void SyncDirectory(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
  ParkedRequestsOf(request).Sync(request);
}

}  // namespace

void AddDirectoryOperations(fuse_lowlevel_ops& operations) {
  operations.readdir = ReadDirectory;
  operations.readdirplus = ReadDirectoryPlus;
  operations.fsyncdir = SyncDirectory;
}

}  // namespace driveroot
