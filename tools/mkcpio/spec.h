// SPDX-License-Identifier: Apache-2.0
//
// The text that says what goes into a cpio archive, one entry a line:
//
//   # comment
//   dir   PATH MODE UID GID
//   file  PATH SOURCE MODE UID GID
//   slink PATH TARGET MODE UID GID
//   nod   PATH MODE UID GID c|b MAJOR MINOR
//
// PATH is absolute; MODE is octal and holds permissions only; SOURCE is a name
// that the caller maps to a file. A folder comes before what lies in it, and no
// path comes twice: the kernel would unpack such an archive without a word and
// leave something else than what the text says.
//
// Pure functions: safe from any thread.
#ifndef TOOLS_MKCPIO_SPEC_H_
#define TOOLS_MKCPIO_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

struct CpioEntry {
  enum class Type : uint8_t {
    kDirectory,
    kFile,
    kSymlink,
    kCharacterDevice,
    kBlockDevice,
  };

  Type type = Type::kDirectory;
  std::string path = {};  // Absolute, without a trailing slash.
  std::string source =
      {};  // A file's source name, a symlink's target, or empty.
  uint32_t permissions = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;

  bool operator==(const CpioEntry&) const = default;
};

// The entries of `text` in its order. An error names the line and what is wrong
// with it.
Result<std::vector<CpioEntry>> ParseCpioSpec(std::string_view text);

}  // namespace driveroot

#endif  // TOOLS_MKCPIO_SPEC_H_
