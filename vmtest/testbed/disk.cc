// SPDX-License-Identifier: Apache-2.0
#include "vmtest/testbed/disk.h"

#include "vmtest/process/process.h"

namespace driveroot::vmtest {

Status MakeDisk(const Image& image, const DiskContents& contents) {
  ProcessOptions options;
  options.arguments = {
      image.runfiles + "/debian_e2fsprogs/bin/mkfs.ext4", "-q", "-F",
      // Everything is written now, not by a kernel thread during the boot.
      "-E", "lazy_itable_init=0,lazy_journal_init=0", "-L", contents.label,
      "-d", contents.tree, contents.disk, contents.size};
  const Result<std::string> made = RunToEnd(options);
  if (!made) return std::unexpected(made.error().WithContext("mkfs.ext4"));
  return {};
}

}  // namespace driveroot::vmtest
