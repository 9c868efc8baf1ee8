// SPDX-License-Identifier: Apache-2.0
//
// packages.json, which people write, and lock.json, which is made from it.
//
// Thread-safety: plain functions and values. Errors: kInvalidArgument for text
// that is not what it should be, naming the place.
#ifndef DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_LOCK_FILE_H_
#define DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_LOCK_FILE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::debian {

// Binary packages that are unpacked or packed together.
struct WantedSet {
  std::set<std::string> packages;
  // Whether what the packages depend on is in the set as well.
  bool closure = false;
  // Requirements that one of these would meet are passed over.
  std::set<std::string> stop;
};

struct WantedPackages {
  std::string architecture;
  std::string component;
  std::vector<std::string> suites;
  std::map<std::string, WantedSet> binaries;
  // Repository name to source package.
  std::map<std::string, std::string> sources;
};

// One file of the archive.
struct Pin {
  std::string name;
  std::string version;
  std::string path;
  std::string sha256;
  // Bytes.
  uint64_t size = 0;

  bool operator==(const Pin&) const = default;
};

struct Lock {
  // Sorted by name within each set.
  std::map<std::string, std::vector<Pin>> binaries;
  std::map<std::string, Pin> sources;

  bool operator==(const Lock&) const = default;
};

Result<WantedPackages> ParseWantedPackages(std::string_view json);
Result<Lock> ParseLock(std::string_view json);
std::string WriteLock(const Lock& lock);

// What in the lock does not agree with what is wanted, one sentence each. What
// a closure adds cannot be told without the archive's indexes and is taken as
// it is.
std::vector<std::string> CompareLock(const WantedPackages& wanted,
                                     const Lock& lock);

}  // namespace driveroot::debian

#endif  // DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_LOCK_FILE_H_
