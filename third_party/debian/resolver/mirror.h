// SPDX-License-Identifier: Apache-2.0
//
// Fetches from the mirrors of Debian's archive.
//
// Thread-safety: none; used from one thread.
#ifndef DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_MIRROR_H_
#define DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_MIRROR_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::debian {

class Mirrors {
 public:
  // Base addresses, best first. `ca_file` is the trusted authorities for those
  // that are https.
  Mirrors(std::vector<std::string> addresses, std::string ca_file);
  ~Mirrors();

  // The bytes at a path of the archive, from the first mirror that has it.
  // Errors: kUnavailable, naming the path and what each mirror said.
  Result<std::string> Fetch(const std::string& path);

  // Whether some mirror has the path.
  bool Has(const std::string& path);

 private:
  struct Connection;

  // Asks the mirrors by turns. `body` receives the bytes; null asks only
  // whether they are there. Returns "" or what the mirrors said.
  std::string Ask(const std::string& path, std::string* body);

  std::vector<std::string> addresses_;
  std::unique_ptr<Connection> connection_;
};

// Decompresses an .xz file. Errors: kDataLoss.
Result<std::string> DecompressXz(std::string_view bytes);

}  // namespace driveroot::debian

#endif  // DRIVEROOT_THIRD_PARTY_DEBIAN_RESOLVER_MIRROR_H_
