// SPDX-License-Identifier: Apache-2.0
//
// Writes test data for golden_test: a volume in the format of this version, and
// tree.txt, which says what it holds.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/volume/golden_volume.h"

namespace driveroot {
namespace {

Status Write(const std::string& folder) {
  const auto account = std::make_shared<FakeAccount>();
  DRIVEROOT_RETURN_IF_ERROR(MakeGoldenVolume(account));
  DRIVEROOT_RETURN_IF_ERROR(SaveAccount(*account, folder));
  VolumeOptions options;
  options.read_only = true;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const auto volume,
      Volume::Open(std::make_unique<FakeObjectStore>(account), options));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string tree, TreeText(*volume));
  return ReplaceFile(folder + "/tree.txt", tree, 0644);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_golden_volume FOLDER\n";
    return EXIT_FAILURE;
  }
  if (const driveroot::Status status = driveroot::Write(argv[1]); !status) {
    std::cerr << status.error() << "\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
