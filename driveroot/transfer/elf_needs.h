// SPDX-License-Identifier: Apache-2.0
//
// What a program needs to start: its interpreter and the libraries that it is
// linked with or says that it may load later. Files of 64 bits, little-endian,
// are understood; all others, and damaged ones, need nothing. Thread-safe.
#ifndef DRIVEROOT_TRANSFER_ELF_NEEDS_H_
#define DRIVEROOT_TRANSFER_ELF_NEEDS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace driveroot {

// All names together; more than any real program has. What goes beyond is left
// out.
constexpr size_t kMaxElfNeedsBytes = 1 << 16;

struct ElfNeeds {
  std::string interpreter;  // a path; empty: none
  // Names of libraries, without a path: DT_NEEDED, and the `soname` members of
  // .note.dlopen (systemd.io/ELF_DLOPEN_METADATA).
  std::vector<std::string> libraries;
};

ElfNeeds ReadElfNeeds(std::string_view bytes);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_ELF_NEEDS_H_
