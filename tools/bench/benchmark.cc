// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/benchmark.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include "tools/bench/root_disk.h"
#include "vmtest/testbed/testbed.h"
#include "vmtest/testbed/traffic.h"

namespace driveroot::bench {
namespace {

using vmtest::Image;
using vmtest::Machine;
using vmtest::TestBed;

using Clock = std::chrono::steady_clock;

constexpr char kVolume[] = "drive:bench";
constexpr char kTree[] = "rootfs/debian.tar";

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Status Push(TestBed& bed, const Image& image, Measurements& results) {
  std::cout << "putting the root tree on the Drive" << std::endl;
  DRIVEROOT_RETURN_IF_ERROR(bed.drive().ResetStats());
  const Clock::time_point begin = Clock::now();
  DRIVEROOT_RETURN_IF_ERROR(
      bed.Driveroot("push", {image.File(kTree), kVolume}));
  results.push_seconds = SecondsSince(begin);
  DRIVEROOT_ASSIGN_OR_RETURN(results.push, vmtest::ReadTraffic(bed.drive()));
  return {};
}

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
    DRIVEROOT_RETURN_IF_ERROR(
        bed.WriteBootReport(folder, machine, boot.phases));
  }
  DRIVEROOT_RETURN_IF_ERROR(vmtest::LogIn(machine));
  DRIVEROOT_RETURN_IF_ERROR(machine.console().Type("systemctl poweroff\n"));
  const Clock::time_point begin = Clock::now();
  DRIVEROOT_RETURN_IF_ERROR(vmtest::ExpectEnd(machine, "guest-shutdown"));
  boot.power_off_seconds = SecondsSince(begin);
  if (!from_disk) {
    DRIVEROOT_ASSIGN_OR_RETURN(boot.to_power_off,
                               vmtest::ReadTraffic(bed.drive()));
  }
  return boot;
}

Result<Boot> BootFromDrive(TestBed& bed, const std::string& which) {
  DRIVEROOT_RETURN_IF_ERROR(bed.drive().ResetStats());
  const std::string folder = "drive-" + which;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Machine> machine,
                             bed.Start(folder, kVolume));
  return Measure(bed, *machine, which + " boot from the Drive", folder,
                 /*from_disk=*/false);
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

}  // namespace

Result<Measurements> RunBenchmark(const Image& image,
                                  const BenchmarkOptions& options) {
  Measurements results;
  std::error_code error;
  results.image_bytes = std::filesystem::file_size(image.uki, error);
  results.tree_bytes = std::filesystem::file_size(image.File(kTree), error);
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::unique_ptr<TestBed> bed,
      TestBed::Create(image, options.output_dir, options.drive_flags));
  results.accelerator = bed->accelerator() == vmtest::Accelerator::kKvm
                            ? "KVM"
                            : "software emulation";
  DRIVEROOT_RETURN_IF_ERROR(Push(*bed, image, results));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string disk,
      MakeRootDisk(*bed, image, kVolume, options.output_dir));
  for (const std::string which : {"first", "second"}) {
    if (which == "second") {
      // As the machine's daemon does by itself when it is idle for a while.
      std::cout << "putting side by side what the first boot read" << std::endl;
      DRIVEROOT_RETURN_IF_ERROR(bed->Driveroot("optimize", {kVolume}));
    }
    DRIVEROOT_ASSIGN_OR_RETURN(Boot drive, BootFromDrive(*bed, which));
    results.boots.push_back(std::move(drive));
    DRIVEROOT_ASSIGN_OR_RETURN(Boot local,
                               BootFromDisk(*bed, image, which, disk));
    results.boots.push_back(std::move(local));
  }
  if (options.packages) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        results.installations,
        MeasureInstallations(*bed, image, options.output_dir));
  }
  return results;
}

}  // namespace driveroot::bench
