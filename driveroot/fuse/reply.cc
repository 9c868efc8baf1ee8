// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/reply.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/uio.h>

#include <chrono>
#include <climits>
#include <cstring>
#include <format>
#include <mutex>
#include <string>
#include <vector>

#include "driveroot/fuse/current_operation.h"
#include "driveroot/fuse/errno_map.h"
#include "driveroot/fuse/operation_errors.h"
#include "driveroot/fuse/parked_requests.h"
#include "driveroot/fuse/requester.h"

namespace driveroot {
namespace {

// One writer holds the volume, so what the kernel knows stays true. libfuse
// wants seconds; the kernel counts in jiffies, in which 30 years always fit.
constexpr double kForeverSeconds = 1e9;

// What the kernel makes of inode->i_blkbits; larger than a page is trouble.
constexpr blksize_t kBlockBytes = 4096;
constexpr uint64_t kStatBlockBytes = 512;

// Few users are of more; those who are cost a second look.
constexpr size_t kUsualGroups = 64;

constexpr int64_t kNanosecondsPerSecond = 1000000000;

timespec TimespecOf(TimeNs time) {
  int64_t seconds = time / kNanosecondsPerSecond;
  int64_t rest = time % kNanosecondsPerSecond;
  if (rest < 0) {
    --seconds;
    rest += kNanosecondsPerSecond;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

// Errors that tell of trouble, apart from those that programs ask for.
bool IsTrouble(ErrorCode code) {
  return code == ErrorCode::kInternal || code == ErrorCode::kIo ||
         code == ErrorCode::kDataLoss || code == ErrorCode::kUnavailable ||
         code == ErrorCode::kOutOfSpace || code == ErrorCode::kFenced ||
         code == ErrorCode::kUnsupportedVersion;
}

// What a person who reads the log may do about it; empty: the message says.
std::string_view RemedyFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kDataLoss:
      return "; `driveroot fsck` names the files that are damaged";
    case ErrorCode::kOutOfSpace:
      return "; everything is kept in memory and tried again";
    default:
      return "";
  }
}

// One line for each new trouble, and for one that goes on a line from time to
// time.
void LogTrouble(const Error& error, int errno_value) {
  constexpr std::chrono::seconds kInterval(10);
  static std::mutex mutex;
  static std::string last;
  static std::chrono::steady_clock::time_point last_time;
  const std::string line = std::format(
      "{} failed with {}: {}{}", CurrentOperation(),
      strerrorname_np(errno_value), error.message(), RemedyFor(error.code()));
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex);
    if (line == last && now - last_time < kInterval) return;
    last = line;
    last_time = now;
  }
  LOG(WARNING) << line;
}

// The supplementary groups of who made a request.
std::vector<uint32_t> GroupsOf(fuse_req_t request) {
  std::vector<gid_t> groups(kUsualGroups);
  while (true) {
    const int count = fuse_req_getgroups(
        request, static_cast<int>(groups.size()), groups.data());
    // A process that is gone, or hidden from us, has none.
    if (count < 0) return {};
    const bool all = static_cast<size_t>(count) <= groups.size();
    groups.resize(static_cast<size_t>(count));
    if (all) return groups;
  }
}

}  // namespace

FileSystem& FileSystemOf(fuse_req_t request) {
  return *static_cast<SessionContext*>(fuse_req_userdata(request))->file_system;
}

ParkedRequests& ParkedRequestsOf(fuse_req_t request) {
  return *static_cast<SessionContext*>(fuse_req_userdata(request))->parked;
}

Caller CallerOf(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {.uid = context->uid,
          .gid = context->gid,
          .umask = context->umask,
          .other_groups = [request] { return GroupsOf(request); },
          .in_chown =
              [thread = context->pid] {
                return SystemCallOf(thread).transform(IsChown);
              }};
}

AccessNote AccessOf(const fuse_file_info* info) {
  return (info->flags & O_NOATIME) != 0 ? AccessNote::kNone
                                        : AccessNote::kRelative;
}

TimeNs TimeOf(const timespec& time) {
  constexpr int64_t kLast = INT64_MAX / kNanosecondsPerSecond - 1;
  // What the format can't hold is brought to the nearest time that it can, as
  // the kernel does it for other file systems.
  if (time.tv_sec > kLast) return kLast * kNanosecondsPerSecond;
  if (time.tv_sec < -kLast) return -kLast * kNanosecondsPerSecond;
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

struct stat StatOf(const Node& node) {
  struct stat result = {};
  const Attributes& attributes = node.attributes;
  result.st_ino = node.number;
  result.st_mode = attributes.mode;
  result.st_nlink = attributes.nlink;
  result.st_uid = attributes.uid;
  result.st_gid = attributes.gid;
  result.st_rdev = attributes.rdev;
  result.st_size = static_cast<off_t>(attributes.size);
  result.st_blksize = kBlockBytes;
  result.st_blocks = static_cast<blkcnt_t>(
      (node.allocated_bytes + kStatBlockBytes - 1) / kStatBlockBytes);
  result.st_atim = TimespecOf(attributes.atime);
  result.st_mtim = TimespecOf(attributes.mtime);
  result.st_ctim = TimespecOf(attributes.ctime);
  return result;
}

fuse_entry_param EntryOf(const Node& node) {
  fuse_entry_param entry = {};
  entry.ino = node.number;
  // A number is never given twice, so one generation is enough for file
  // handles.
  entry.generation = 1;
  entry.attr = StatOf(node);
  entry.attr_timeout = kForeverSeconds;
  entry.entry_timeout = kForeverSeconds;
  return entry;
}

void ReplyError(fuse_req_t request, const Error& error) {
  if (error.code() == ErrorCode::kUnavailable &&
      ParkedRequestsOf(request).ParkChange(request)) {
    return;
  }
  const int value = ErrnoFor(CurrentOperation(), error.code());
  // What a program cannot make sense of stands in the log at least.
  if (IsTrouble(error.code()) || value != ErrnoFor(error.code())) {
    LogTrouble(error, value);
  }
  fuse_reply_err(request, value);
}

void ReplyStatus(fuse_req_t request, const Status& status) {
  if (status) {
    fuse_reply_err(request, 0);
  } else {
    ReplyError(request, status.error());
  }
}

void ReplyEntry(fuse_req_t request, const Result<Node>& node) {
  if (!node) return ReplyError(request, node.error());
  FileSystem& file_system = FileSystemOf(request);
  const fuse_entry_param entry = EntryOf(*node);
  if (fuse_reply_entry(request, &entry) != 0) {
    file_system.Forget(node->number, 1);
  }
}

void ReplyAttributes(fuse_req_t request, const Result<Node>& node) {
  if (!node) return ReplyError(request, node.error());
  const struct stat attributes = StatOf(*node);
  fuse_reply_attr(request, &attributes, kForeverSeconds);
}

void ReplyBytes(fuse_req_t request, std::string_view bytes) {
  fuse_reply_buf(request, bytes.data(), bytes.size());
}

void ReplyPieces(fuse_req_t request, const FileBytes& bytes) {
  // libfuse puts one more before them.
  if (bytes.pieces().size() >= IOV_MAX) {
    ReplyBytes(request, bytes.Joined());
    return;
  }
  std::vector<iovec> pieces;
  for (const std::string_view piece : bytes.pieces()) {
    pieces.push_back(
        {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()});
  }
  fuse_reply_iov(request, pieces.data(), static_cast<int>(pieces.size()));
}

}  // namespace driveroot
