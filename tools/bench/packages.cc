// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/packages.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include "tools/bench/root_disk.h"
#include "tools/bench/stopwatch.h"
#include "vmtest/package_archive/package_archive.h"

namespace driveroot::bench {
namespace {

using vmtest::Machine;
using vmtest::TestBed;

constexpr char kTree[] = "vmtest/package_root.tar";

// What install_packages.sh tells before and after apt-get runs.
constexpr char kBefore[] = "pass package disk";
constexpr char kAfter[] = "pass apt-get install";

constexpr std::chrono::seconds kInstallLimit(3 * 3600);

// `machine` has just been started.
Result<double> Install(Machine& machine, bool from_disk) {
  DRIVEROOT_RETURN_IF_ERROR(vmtest::WatchBoot(machine, from_disk));
  DRIVEROOT_RETURN_IF_ERROR(vmtest::LogIn(machine));
  DRIVEROOT_RETURN_IF_ERROR(
      machine.console().Type("/opt/vmtest/install_packages install\n"));
  DRIVEROOT_RETURN_IF_ERROR(
      machine.console().WaitFor(kBefore, vmtest::kBootLimit));
  const Stopwatch watch;
  DRIVEROOT_RETURN_IF_ERROR(machine.console().WaitFor(kAfter, kInstallLimit));
  return watch.Seconds();
}

Result<Installation> InstallOnDrive(TestBed& bed, const std::string& archive,
                                    const std::string& tree,
                                    const std::string& fsync) {
  Installation installation;
  installation.name = "root on the Drive, fsync " + fsync;
  std::cout << "installing packages: " << installation.name << std::endl;
  const std::string volume = "drive:packages-" + fsync;
  DRIVEROOT_RETURN_IF_ERROR(bed.Driveroot("push", {tree, volume}));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Machine> machine,
      bed.Start("packages-" + fsync, volume,
                {.disks = {archive}, .mount_flags = {"--fsync=" + fsync}}));
  DRIVEROOT_RETURN_IF_ERROR(bed.drive().ResetStats());
  DRIVEROOT_ASSIGN_OR_RETURN(installation.seconds, Install(*machine, false));
  DRIVEROOT_ASSIGN_OR_RETURN(installation.traffic,
                             vmtest::ReadTraffic(bed.drive()));
  return installation;
}

Result<Installation> InstallOnDisk(TestBed& bed, const vmtest::Image& image,
                                   const std::string& archive,
                                   const std::string& disk) {
  Installation installation;
  installation.name = "root on the disk";
  std::cout << "installing packages: " << installation.name << std::endl;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Machine> machine,
      bed.StartFromDisk("packages-disk", image.File("tools/bench/uki_ext4.efi"),
                        {disk, archive}));
  DRIVEROOT_ASSIGN_OR_RETURN(installation.seconds, Install(*machine, true));
  return installation;
}

}  // namespace

Result<std::vector<Installation>> MeasureInstallations(
    TestBed& bed, const vmtest::Image& image, const std::string& output_dir) {
  const std::string archive = output_dir + "/packages.img";
  const std::string tree = image.File(kTree);
  DRIVEROOT_RETURN_IF_ERROR(
      vmtest::MakePackageArchive(image, output_dir, archive));
  std::vector<Installation> installations;
  for (const std::string fsync : {"durable", "ordered"}) {
    DRIVEROOT_ASSIGN_OR_RETURN(Installation on_drive,
                               InstallOnDrive(bed, archive, tree, fsync));
    installations.push_back(std::move(on_drive));
  }
  DRIVEROOT_RETURN_IF_ERROR(
      bed.Driveroot("push", {tree, "drive:packages-disk"}));
  const std::string folder = output_dir + "/packages-tree";
  DRIVEROOT_RETURN_IF_ERROR(
      bed.Driveroot("pull", {"drive:packages-disk", folder}));
  const Result<std::string> disk = MakeRootDisk(image, folder, output_dir);
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (!disk) return std::unexpected(disk.error());
  DRIVEROOT_ASSIGN_OR_RETURN(Installation on_disk,
                             InstallOnDisk(bed, image, archive, *disk));
  installations.push_back(std::move(on_disk));
  return installations;
}

}  // namespace driveroot::bench
