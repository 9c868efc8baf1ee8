// SPDX-License-Identifier: Apache-2.0
//
// Finds the files of the archive that the wanted packages stand for.
//
//   Index index;
//   index.AddBinaries(packages_text);
//   index.AddSources(sources_text);
//   Result<Lock> lock = Resolve(wanted, index, old_lock, available);
//
// Thread-safety: none; used from one thread.
#ifndef DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_RESOLVER_H_
#define DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_RESOLVER_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "third_party/debian/resolver/control_file.h"
#include "third_party/debian/resolver/lock_file.h"

namespace driveroot::debian {

// What the archive offers, of all suites together.
class Index {
 public:
  // The text of a Packages or a Sources file.
  void AddBinaries(std::string_view text);
  void AddSources(std::string_view text);

  // All versions of a package, newest first; empty for an unknown name.
  const std::vector<Stanza>& Binaries(const std::string& name) const;
  const std::vector<Stanza>& Sources(const std::string& name) const;

  // Names of the packages that provide a virtual package, in order.
  const std::vector<std::string>& ProvidersOf(const std::string& name) const;

 private:
  using Packages = std::map<std::string, std::vector<Stanza>>;
  static void Add(std::string_view text, Packages& packages);

  Packages binaries_;
  std::map<std::string, std::vector<std::string>> providers_;
  Packages sources_;
};

// Whether a mirror has the file at this path of the archive. An index may name
// files that a mirror does not have yet, or not any more.
using Available = std::function<bool(const std::string& path)>;

// Pins the newest available version of everything wanted. A package of which no
// listed version is available keeps its pin of `old` while that one is. Errors:
// kNotFound, naming the package.
Result<Lock> Resolve(const WantedPackages& wanted, const Index& index,
                     const Lock& old, const Available& available);

}  // namespace driveroot::debian

#endif  // DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_RESOLVER_H_
