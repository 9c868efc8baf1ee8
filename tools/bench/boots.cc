// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/boots.h"

#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "tools/bench/boot_trace.h"
#include "tools/bench/root_disk.h"
#include "tools/bench/stopwatch.h"

namespace driveroot::bench {
namespace {

using vmtest::Image;
using vmtest::Machine;
using vmtest::TestBed;

// `machine` has just been started; its files are in the folder `folder`.
Result<Boot> Measure(TestBed& bed, Machine& machine, const std::string& name,
                     const std::string& folder, bool from_disk) {
  std::cout << name << std::endl;
  Boot boot;
  boot.name = name;
  DRIVEROOT_ASSIGN_OR_RETURN(boot.phases,
                             vmtest::WatchBoot(machine, from_disk));
  if (!from_disk) {
    DRIVEROOT_ASSIGN_OR_RETURN(boot.to_login, vmtest::ReadTraffic(bed.drive()));
  }
  DRIVEROOT_RETURN_IF_ERROR(bed.WriteBootReport(folder, machine, boot.phases));
  DRIVEROOT_RETURN_IF_ERROR(vmtest::LogIn(machine));
  DRIVEROOT_RETURN_IF_ERROR(machine.console().Type("systemctl poweroff\n"));
  const Stopwatch watch;
  DRIVEROOT_RETURN_IF_ERROR(vmtest::ExpectEnd(machine, "guest-shutdown"));
  boot.power_off_seconds = watch.Seconds();
  if (!from_disk) {
    DRIVEROOT_ASSIGN_OR_RETURN(boot.to_power_off,
                               vmtest::ReadTraffic(bed.drive()));
  }
  return boot;
}

Result<Boot> BootFromDrive(TestBed& bed, const std::string& volume,
                           const std::string& which,
                           const std::vector<std::string>& mount_flags = {}) {
  DRIVEROOT_RETURN_IF_ERROR(bed.drive().ResetStats());
  const std::string folder = "drive-" + which;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Machine> machine,
      bed.Start(folder, volume, {.disks = {}, .mount_flags = mount_flags}));
  std::string name = which + " boot from the Drive";
  for (const std::string& flag : mount_flags) name += " with " + flag;
  DRIVEROOT_ASSIGN_OR_RETURN(
      Boot boot, Measure(bed, *machine, name, folder, /*from_disk=*/false));
  DRIVEROOT_ASSIGN_OR_RETURN(boot.useful_bytes,
                             BootTraceBytes(bed.private_drive(), volume));
  return boot;
}

Result<Boot> BootFromDisk(TestBed& bed, const Image& image,
                          const std::string& which, const std::string& disk) {
  const std::string folder = "disk-" + which;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Machine> machine,
      bed.StartFromDisk(folder, image.File("tools/bench/uki_ext4.efi"),
                        {disk}));
  return Measure(bed, *machine, which + " boot from the disk", folder,
                 /*from_disk=*/true);
}

// What the machine's daemon does by itself when it is idle for a while.
Status Optimize(TestBed& bed, const std::string& volume) {
  std::cout << "putting side by side what the last boot read" << std::endl;
  DRIVEROOT_RETURN_IF_ERROR(bed.Driveroot("optimize", {volume}));
  return {};
}

}  // namespace

Result<std::vector<Boot>> MeasureBoots(TestBed& bed, const Image& image,
                                       const std::string& volume,
                                       const std::string& tree) {
  std::vector<Boot> boots;
  if (!bed.LockMemory()) {
    std::cout << "this user may not lock memory (ulimit -l): the boots also "
                 "measure how the host finds it"
              << std::endl;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string disk,
                             MakeRootDisk(image, tree, bed.output_dir()));
  for (const std::string which : {"first", "second"}) {
    if (which == "second") DRIVEROOT_RETURN_IF_ERROR(Optimize(bed, volume));
    DRIVEROOT_ASSIGN_OR_RETURN(Boot drive, BootFromDrive(bed, volume, which));
    boots.push_back(std::move(drive));
    DRIVEROOT_ASSIGN_OR_RETURN(Boot local,
                               BootFromDisk(bed, image, which, disk));
    boots.push_back(std::move(local));
  }
  // What the others wait for when something syncs.
  DRIVEROOT_RETURN_IF_ERROR(Optimize(bed, volume));
  DRIVEROOT_ASSIGN_OR_RETURN(
      Boot ordered, BootFromDrive(bed, volume, "third", {"--fsync=ordered"}));
  boots.push_back(std::move(ordered));
  return boots;
}

}  // namespace driveroot::bench
