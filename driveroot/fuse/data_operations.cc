// SPDX-License-Identifier: Apache-2.0
//
// Operations on the contents of files, and on the file system as a whole.
#include <sys/statvfs.h>

#include <string_view>

#include "driveroot/fuse/operations.h"
#include "driveroot/fuse/parked_requests.h"
#include "driveroot/fuse/reply.h"

namespace driveroot {
namespace {

constexpr uint64_t kBlockBytes = 4096;

void Read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
          fuse_file_info* info) {
  ParkedRequestsOf(request).Read(request, number, static_cast<uint64_t>(offset),
                                 size, AccessOf(info));
}

// False: there is no room for it now.
bool TryWrite(fuse_req_t request, fuse_ino_t number, std::string_view bytes,
              off_t offset, bool from_mapping) {
  // Pages written through a mapping come without the one who wrote them.
  const Caller caller = from_mapping ? Caller() : CallerOf(request);
  const Status status = FileSystemOf(request).Write(
      number, static_cast<uint64_t>(offset), bytes, caller);
  if (!status && status.error().code() == ErrorCode::kUnavailable) return false;
  if (status) {
    fuse_reply_write(request, bytes.size());
  } else {
    ReplyError(request, status.error());
  }
  return true;
}

void Write(fuse_req_t request, fuse_ino_t number, const char* bytes,
           size_t size, off_t offset, fuse_file_info* info) {
  const bool from_mapping = info->writepage != 0;
  ParkedRequestsOf(request).Write(
      request, {bytes, size}, /*may_be_cut=*/!from_mapping,
      [=](fuse_req_t parked, std::string_view kept) {
        return TryWrite(parked, number, kept, offset, from_mapping);
      });
}

void Sync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
  ParkedRequestsOf(request).Sync(request);
}

void Allocate(fuse_req_t request, fuse_ino_t number, int mode, off_t offset,
              off_t length, fuse_file_info*) {
  ReplyStatus(request, FileSystemOf(request).Allocate(
                           number, static_cast<uint32_t>(mode),
                           static_cast<uint64_t>(offset),
                           static_cast<uint64_t>(length), CallerOf(request)));
}

void Seek(fuse_req_t request, fuse_ino_t number, off_t offset, int whence,
          fuse_file_info*) {
  const Result<uint64_t> position =
      FileSystemOf(request).Seek(number, static_cast<uint64_t>(offset), whence);
  if (!position) return ReplyError(request, position.error());
  fuse_reply_lseek(request, static_cast<off_t>(*position));
}

void CopyRange(fuse_req_t request, fuse_ino_t source, off_t source_offset,
               fuse_file_info*, fuse_ino_t destination,
               off_t destination_offset, fuse_file_info*, size_t length, int) {
  const Result<uint64_t> copied = FileSystemOf(request).CopyRange(
      source, static_cast<uint64_t>(source_offset), destination,
      static_cast<uint64_t>(destination_offset), length, CallerOf(request));
  if (!copied) return ReplyError(request, copied.error());
  fuse_reply_write(request, *copied);
}

void StatFileSystem(fuse_req_t request, fuse_ino_t) {
  const SpaceInfo space = FileSystemOf(request).Space();
  struct statvfs reply = {};
  reply.f_bsize = kBlockBytes;
  reply.f_frsize = kBlockBytes;
  reply.f_blocks = space.total_bytes / kBlockBytes;
  reply.f_bfree = reply.f_bavail = space.free_bytes / kBlockBytes;
  // Inodes are limited by room only; an inode needs a block at the very most.
  reply.f_ffree = reply.f_favail = reply.f_bfree;
  reply.f_files = space.inodes + reply.f_ffree;
  reply.f_namemax = kMaxNameBytes;
  fuse_reply_statfs(request, &reply);
}

}  // namespace

void AddDataOperations(fuse_lowlevel_ops& operations) {
  operations.read = Read;
  operations.write = Write;
  operations.fsync = Sync;
  operations.fallocate = Allocate;
  operations.lseek = Seek;
  operations.copy_file_range = CopyRange;
  operations.statfs = StatFileSystem;
}

}  // namespace driveroot
