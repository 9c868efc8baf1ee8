// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/tar_attributes.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdint>

namespace driveroot {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

TimeNs ToTimeNs(const TarTime& time) {
  constexpr int64_t kLimit = INT64_MAX / kNsPerSecond - 1;
  return std::clamp(time.seconds, -kLimit, kLimit) * kNsPerSecond +
         time.nanoseconds;
}

uint32_t TypeBits(TarType type) {
  switch (type) {
    case TarType::kFile:
      return S_IFREG;
    case TarType::kSymlink:
      return S_IFLNK;
    case TarType::kCharDevice:
      return S_IFCHR;
    case TarType::kBlockDevice:
      return S_IFBLK;
    case TarType::kDirectory:
      return S_IFDIR;
    case TarType::kFifo:
      return S_IFIFO;
    case TarType::kHardLink:
      break;
  }
  return 0;
}

}  // namespace

Attributes ToAttributes(const TarEntry& entry) {
  Attributes attributes;
  attributes.mode = TypeBits(entry.type) | (entry.mode & 07777);
  attributes.uid = entry.uid;
  attributes.gid = entry.gid;
  attributes.nlink = entry.type == TarType::kDirectory ? 2 : 1;
  attributes.size =
      entry.type == TarType::kSymlink ? entry.link_target.size() : entry.size;
  if (entry.type == TarType::kCharDevice ||
      entry.type == TarType::kBlockDevice) {
    attributes.rdev = makedev(entry.device_major, entry.device_minor);
  }
  attributes.mtime = ToTimeNs(entry.modified);
  attributes.atime = ToTimeNs(entry.accessed.value_or(entry.modified));
  attributes.ctime = ToTimeNs(entry.changed.value_or(entry.modified));
  attributes.btime = attributes.mtime;
  return attributes;
}

}  // namespace driveroot
