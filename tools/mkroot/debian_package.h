// SPDX-License-Identifier: Apache-2.0
//
// Reads one Debian binary package: an ar archive of debian-binary, control.tar
// and data.tar (deb(5)). Packages are input from outside: what is malformed
// gives kDataLoss.
#ifndef TOOLS_MKROOT_DEBIAN_PACKAGE_H_
#define TOOLS_MKROOT_DEBIAN_PACKAGE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/tar.h"

namespace driveroot {

// A member of a tar archive, held in memory.
struct TarMember {
  TarEntry entry;
  std::string contents;
};

struct DebianPackage {
  // From the control file.
  std::string name;
  std::string version;
  std::string architecture;
  bool multi_arch_same = false;

  // The control file as it is, with one line feed at its end.
  std::string control;
  // The other files of control.tar by name: "postinst", "conffiles", ...
  std::map<std::string, TarMember> control_files;
  // data.tar in its own order.
  std::vector<TarMember> data;

  // The name of its files in dpkg's database: "libc6:amd64", "bash".
  std::string DatabaseName() const;

  // The lines of the control file `name` without their ends; none without it.
  std::vector<std::string> ControlLines(const std::string& name) const;

  // Absolute paths of configuration files.
  std::vector<std::string> Conffiles() const;
};

// `archive` is the whole file; `file_name` is for messages.
Result<DebianPackage> ReadDebianPackage(std::string_view file_name,
                                        std::string_view archive);

// The value of `field` in a paragraph of control data, first line only, or "".
std::string ControlField(std::string_view paragraph, std::string_view field);

// All members of a tar archive.
Result<std::vector<TarMember>> ReadTarMembers(ByteSource* source);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_DEBIAN_PACKAGE_H_
