// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/firmware_credentials.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

// As initrd/init/credentials.h has them.
constexpr std::array<std::string_view, 2> kStrings = {
    "io.systemd.credential:driveroot.credentials=",
    "io.systemd.credential.binary:driveroot.credentials=",
};

constexpr uint64_t kMaxTableBytes = 4 << 20;

// The tables as a whole, single ones, and those that QEMU gives the firmware to
// make them of.
constexpr std::string_view kWhole = "/firmware/dmi/tables/DMI";
constexpr std::string_view kEntries = "/firmware/dmi/entries";
constexpr std::string_view kQemu = "/firmware/qemu_fw_cfg/by_key";

std::vector<std::string> Tables(const std::string& sys) {
  std::vector<std::string> paths = {sys + std::string(kWhole)};
  for (const std::string_view folder : {kEntries, kQemu}) {
    std::error_code error;
    for (std::filesystem::directory_iterator
             entry(sys + std::string(folder), error),
         end;
         !error && entry != end; entry.increment(error)) {
      paths.push_back(entry->path().string() + "/raw");
    }
  }
  return paths;
}

}  // namespace

std::string WithoutToken(std::string table) {
  for (const std::string_view string : kStrings) {
    for (size_t at = table.find(string); at != table.npos;
         at = table.find(string, at)) {
      const size_t end = std::min(table.find('\0', at), table.size());
      std::fill(table.begin() + static_cast<std::ptrdiff_t>(at),
                table.begin() + static_cast<std::ptrdiff_t>(end), '-');
    }
  }
  return table;
}

Status CoverToken(const std::string& sys, const std::string& folder) {
  int number = 0;
  for (const std::string& path : Tables(sys)) {
    // Not every machine has every one, and what is too long is none.
    const Result<std::string> table = ReadFile(path, kMaxTableBytes);
    if (!table) continue;
    const std::string covered = WithoutToken(*table);
    if (covered == *table) continue;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const std::string copy = folder + "/" + std::to_string(++number);
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(copy, covered, 0400));
    if (mount(copy.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return std::unexpected(
          Error::FromErrno(errno, "cannot cover the credentials in " + path));
    }
  }
  return {};
}

}  // namespace driveroot
