// SPDX-License-Identifier: Apache-2.0
#include "vmtest/package_archive/package_archive.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"
#include "vmtest/package_archive/packages_index.h"
#include "vmtest/testbed/disk.h"

namespace driveroot::vmtest {
namespace {

constexpr uint64_t kMaxPackageBytes = 256 << 20;

// The packages and the file system's own tables.
constexpr char kDiskSize[] = "256M";

Result<std::vector<std::filesystem::path>> FindPackages(const Image& image) {
  std::vector<std::filesystem::path> packages;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           image.runfiles + "/debian_programs", error)) {
    if (entry.path().extension() == ".deb") packages.push_back(entry.path());
  }
  if (packages.empty()) {
    return Fail(ErrorCode::kNotFound,
                "no package among the program's files: run it through Bazel");
  }
  std::ranges::sort(packages);
  return packages;
}

}  // namespace

Status MakePackageArchive(const Image& image, const std::string& scratch_dir,
                          const std::string& disk) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> packages,
                             FindPackages(image));
  const std::string folder = scratch_dir + "/packages";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string index;
  for (const std::filesystem::path& package : packages) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               ReadFile(package, kMaxPackageBytes));
    const std::string name = package.filename();
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string paragraph,
                               PackagesParagraph(name, bytes));
    index += paragraph;
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(folder + "/" + name, bytes, 0644));
  }
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(folder + "/Packages", index, 0644));
  const Status made = MakeDisk(image, {.tree = folder,
                                       .disk = disk,
                                       .size = kDiskSize,
                                       .label = kPackageArchiveLabel});
  std::filesystem::remove_all(folder, error);
  return made;
}

}  // namespace driveroot::vmtest
