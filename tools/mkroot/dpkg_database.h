// SPDX-License-Identifier: Apache-2.0
//
// Installs Debian packages into a root tree as dpkg would, without running
// their scripts, and writes dpkg's database (var/lib/dpkg) for them.
// Not thread-safe.
#ifndef TOOLS_MKROOT_DPKG_DATABASE_H_
#define TOOLS_MKROOT_DPKG_DATABASE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/mkroot/debian_package.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

// dpkg's path-exclude and path-include options, see dpkg(1).
class PathFilter {
 public:
  void Exclude(std::string glob) { rules_.push_back({false, std::move(glob)}); }
  void Include(std::string glob) { rules_.push_back({true, std::move(glob)}); }

  // Whether dpkg leaves out `entry`. Of the rules that match, the last wins;
  // folders and symlinks that an include rule may lead through are kept.
  bool Excludes(const TarEntry& entry) const;

  // The rules as lines of a dpkg configuration file.
  std::string ConfigurationText() const;

 private:
  struct Rule {
    bool include;
    std::string glob;
  };
  std::vector<Rule> rules_;
};

class DpkgDatabase {
 public:
  // Takes over the package's files into `tree`. Fails when another package has
  // one of them already.
  Status Install(DebianPackage package, const PathFilter& filter, Tree* tree);

  // Writes the database: status, info/*, triggers, and the small rest.
  void WriteTo(Tree* tree) const;

 private:
  void AddInfo(const DebianPackage& package);
  void AddTriggers(const DebianPackage& package);

  struct InfoFile {
    uint32_t mode;
    std::string contents;
  };
  std::string architecture_;
  std::map<std::string, std::string> status_;    // By name and architecture.
  std::map<std::string, InfoFile> info_;         // By name below info/.
  std::map<std::string, std::string> owners_;    // Package by path.
  std::map<std::string, std::string> triggers_;  // File by trigger's name.
  std::string file_triggers_;
};

// Records the owner and mode of a path of `tree` against later upgrades, as
// dpkg-statoverride(1) does. After WriteTo.
void AddStatOverride(std::string_view path, std::string_view mode,
                     std::string_view user, std::string_view group, Tree* tree);

// The lowercase hexadecimal MD5 that dpkg keeps of a file.
std::string Md5Hex(std::string_view bytes);

}  // namespace driveroot

#endif  // TOOLS_MKROOT_DPKG_DATABASE_H_
