// SPDX-License-Identifier: Apache-2.0
#include "tools/mkcpio/cpio_writer.h"

#include <sys/stat.h>

#include <format>
#include <utility>

namespace driveroot {
namespace {

constexpr std::string_view kTrailerName = "TRAILER!!!";

uint32_t TypeBits(CpioEntry::Type type) {
  switch (type) {
    case CpioEntry::Type::kDirectory:
      return S_IFDIR;
    case CpioEntry::Type::kFile:
      return S_IFREG;
    case CpioEntry::Type::kSymlink:
      return S_IFLNK;
    case CpioEntry::Type::kCharacterDevice:
      return S_IFCHR;
    case CpioEntry::Type::kBlockDevice:
      return S_IFBLK;
  }
  std::unreachable();
}

}  // namespace

struct CpioWriter::Header {
  uint32_t inode = 0;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t links = 1;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
};

Status CpioWriter::Add(const CpioEntry& entry, std::string_view content) {
  if (entry.type == CpioEntry::Type::kSymlink) content = entry.source;
  if (content.size() > UINT32_MAX) {
    return Fail(ErrorCode::kFileTooLarge,
                std::format("{} has {} bytes; a cpio archive holds files below "
                            "4 GiB",
                            entry.path, content.size()));
  }
  AppendRecord(
      {
          .inode = next_inode_++,
          .mode = TypeBits(entry.type) | entry.permissions,
          .uid = entry.uid,
          .gid = entry.gid,
          .links = entry.type == CpioEntry::Type::kDirectory ? 2U : 1U,
          .device_major = entry.device_major,
          .device_minor = entry.device_minor,
      },
      std::string_view(entry.path).substr(1), content);
  return {};
}

std::string CpioWriter::Finish() {
  AppendRecord({}, kTrailerName, "");
  next_inode_ = 1;
  return std::exchange(archive_, {});
}

void CpioWriter::AppendRecord(const Header& header, std::string_view name,
                              std::string_view content) {
  // magic, inode, mode, uid, gid, links, mtime, size, the device that holds the
  // file (major, minor), the device that it is, length of the name with its
  // zero byte, checksum (unused in this variant).
  archive_ += std::format(
      "070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}"
      "{:08X}{:08X}",
      header.inode, header.mode, header.uid, header.gid, header.links, 0,
      content.size(), 0, 0, header.device_major, header.device_minor,
      name.size() + 1, 0);
  archive_ += name;
  archive_ += '\0';
  PadToWord();
  archive_ += content;
  PadToWord();
}

void CpioWriter::PadToWord() {
  while (archive_.size() % 4 != 0) archive_ += '\0';
}

}  // namespace driveroot
