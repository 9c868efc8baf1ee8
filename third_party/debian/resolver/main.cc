// SPDX-License-Identifier: Apache-2.0
//
// Renews third_party/debian/lock.json from packages.json and the archive:
//
//   ./bazelw run //third_party/debian:lock
#include <curl/curl.h>
#include <gflags/gflags.h>

#include <cstdint>
#include <cstdlib>
#include <format>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "third_party/debian/resolver/lock_file.h"
#include "third_party/debian/resolver/mirror.h"
#include "third_party/debian/resolver/resolver.h"

DEFINE_string(mirrors, "",
              "file with the mirrors' base addresses, one a line, best first");
DEFINE_string(ca_file, "",
              "certificate authorities trusted for mirrors with https");
DEFINE_string(
    folder, "",
    "folder of packages.json and lock.json; default: the one of the workspace");

namespace driveroot::debian {
namespace {

// Far more than any file of this folder has.
constexpr uint64_t kMaxFileBytes = 64 << 20;

Result<std::vector<std::string>> ReadMirrors(const std::string& file) {
  Result<std::string> text = ReadFile(file, kMaxFileBytes);
  if (!text) return std::unexpected(text.error());
  std::istringstream words(*text);
  std::vector<std::string> mirrors;
  for (std::string word; words >> word;) mirrors.push_back(word);
  return mirrors;
}

Result<Index> FetchIndex(const WantedPackages& wanted, Mirrors& mirrors) {
  Index index;
  for (const std::string& suite : wanted.suites) {
    const std::string base =
        std::format("dists/{}/{}", suite, wanted.component);
    for (const auto& [path, add] :
         {std::pair{std::format("{}/binary-{}/Packages.xz", base,
                                wanted.architecture),
                    &Index::AddBinaries},
          std::pair{base + "/source/Sources.xz", &Index::AddSources}}) {
      std::cerr << "reading " << path << "\n";
      Result<std::string> packed = mirrors.Fetch(path);
      if (!packed) return std::unexpected(packed.error());
      Result<std::string> text = DecompressXz(*packed);
      if (!text) return std::unexpected(text.error().WithContext(path));
      (index.*add)(*text);
    }
  }
  return index;
}

void PrintChange(const std::string& set, const Pin* old_pin,
                 const Pin* new_pin) {
  if (old_pin != nullptr && new_pin != nullptr && *old_pin == *new_pin) return;
  std::cerr << std::format("{}: {} {} -> {}\n", set,
                           (new_pin != nullptr ? new_pin : old_pin)->name,
                           old_pin != nullptr ? old_pin->version : "(new)",
                           new_pin != nullptr ? new_pin->version : "(gone)");
}

void PrintChanges(const Lock& old_lock, const Lock& new_lock) {
  for (const auto& [set, pins] : new_lock.binaries) {
    std::map<std::string, std::pair<const Pin*, const Pin*>> pairs;
    for (const Pin& pin : pins) pairs[pin.name].second = &pin;
    if (const auto old = old_lock.binaries.find(set);
        old != old_lock.binaries.end()) {
      for (const Pin& pin : old->second) pairs[pin.name].first = &pin;
    }
    for (const auto& [name, pair] : pairs)
      PrintChange(set, pair.first, pair.second);
  }
  for (const auto& [repository, pin] : new_lock.sources) {
    const auto old = old_lock.sources.find(repository);
    PrintChange("sources",
                old == old_lock.sources.end() ? nullptr : &old->second, &pin);
  }
}

Status Run(const std::string& folder) {
  Result<std::string> packages_text =
      ReadFile(folder + "/packages.json", kMaxFileBytes);
  if (!packages_text) return std::unexpected(packages_text.error());
  Result<WantedPackages> wanted = ParseWantedPackages(*packages_text);
  if (!wanted) return std::unexpected(wanted.error());
  Result<std::string> lock_text =
      ReadFile(folder + "/lock.json", kMaxFileBytes);
  if (!lock_text) return std::unexpected(lock_text.error());
  Result<Lock> old_lock = ParseLock(*lock_text);
  if (!old_lock) return std::unexpected(old_lock.error());

  Result<std::vector<std::string>> addresses = ReadMirrors(FLAGS_mirrors);
  if (!addresses) return std::unexpected(addresses.error());
  Mirrors mirrors(std::move(*addresses), FLAGS_ca_file);
  Result<Index> index = FetchIndex(*wanted, mirrors);
  if (!index) return std::unexpected(index.error());

  std::map<std::string, bool> known;
  const Available available = [&](const std::string& path) {
    const auto [entry, added] = known.try_emplace(path);
    if (added) entry->second = mirrors.Has(path);
    return entry->second;
  };
  Result<Lock> new_lock = Resolve(*wanted, *index, *old_lock, available);
  if (!new_lock) return std::unexpected(new_lock.error());
  PrintChanges(*old_lock, *new_lock);
  return ReplaceFile(folder + "/lock.json", WriteLock(*new_lock), 0644);
}

}  // namespace
}  // namespace driveroot::debian

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  std::string folder = FLAGS_folder;
  if (folder.empty()) {
    const char* workspace = std::getenv("BUILD_WORKSPACE_DIRECTORY");
    if (workspace == nullptr) {
      std::cerr << "lock: run it by ./bazelw run //third_party/debian:lock, or "
                   "name the folder by --folder\n";
      return 1;
    }
    folder = std::string(workspace) + "/third_party/debian";
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const driveroot::Status result = driveroot::debian::Run(folder);
  curl_global_cleanup();
  if (!result) {
    std::cerr << "lock: " << result.error().message() << "\n";
    return 1;
  }
  return 0;
}
