// SPDX-License-Identifier: Apache-2.0
//
// Builds a cpio archive in the "newc" format, the one that the kernel unpacks
// into its first root (Documentation/driver-api/early-userspace/
// buffer-format.rst). The bytes depend on the entries alone: every time stamp
// is 0 and inode numbers count from 1.
//
// Not thread-safe.
#ifndef TOOLS_MKCPIO_CPIO_WRITER_H_
#define TOOLS_MKCPIO_CPIO_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "tools/mkcpio/spec.h"

namespace driveroot {

class CpioWriter {
 public:
  // Appends `entry`; `content` is a file's bytes, and must be empty for
  // everything but files. Fails for a file of 4 GiB or more, which the format
  // cannot express.
  Status Add(const CpioEntry& entry, std::string_view content);

  // Appends the trailer and returns the archive. The writer is empty then.
  std::string Finish();

 private:
  struct Header;

  void AppendRecord(const Header& header, std::string_view name,
                    std::string_view content);
  void PadToWord();

  std::string archive_;
  uint32_t next_inode_ = 1;
};

}  // namespace driveroot

#endif  // TOOLS_MKCPIO_CPIO_WRITER_H_
