// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/benchmark.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/bench/boots.h"
#include "tools/bench/file_reads.h"
#include "tools/bench/packages.h"
#include "tools/bench/rclone.h"
#include "tools/bench/reads.h"
#include "tools/bench/transfer.h"
#include "vmtest/testbed/image.h"
#include "vmtest/testbed/private_drive.h"
#include "vmtest/testbed/programs.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::bench {
namespace {

using vmtest::PrivateDrive;

constexpr char kVolume[] = "drive:bench";
constexpr char kTree[] = "rootfs/debian.tar";

// Of the file that is read in order: as much as the link carries in 20 seconds.
constexpr uint64_t kLargeBytes = 256 << 20;

// Of a tree whose transfer takes so long that the requests around it count for
// little: 43 seconds on the reference link.
constexpr uint64_t kLargeTreeBytes = 512 << 20;
constexpr char kLargeTreeName[] = " of 512 MiB";

// Of the tree, for rclone on the link; all of them would take an hour.
constexpr size_t kSampleFiles = 200;

Status MeasureFiles(const Bench& bench, const BenchmarkOptions& options,
                    const vmtest::Programs& programs, const std::string& tree,
                    Measurements& results) {
  const ReadPlan plan = {.tree = tree,
                         .large_file = options.output_dir + "/large/file"};
  std::error_code error;
  std::filesystem::create_directories(plan.LargeFolder(), error);
  DRIVEROOT_RETURN_IF_ERROR(MakeLargeFile(plan.large_file, kLargeBytes));
  if (options.reads) {
    std::cout << "reading from mounted volumes" << std::endl;
    DRIVEROOT_ASSIGN_OR_RETURN(results.reads, MeasureVolumeReads(bench, plan));
  }
  if (options.rclone) {
    std::cout << "the same with rclone" << std::endl;
    DRIVEROOT_ASSIGN_OR_RETURN(
        results.rclone,
        MeasureRclone(bench, plan, programs.runfiles + "/debian_rclone/bin",
                      kSampleFiles));
  }
  return {};
}

Status MeasureLargeTransfer(const Bench& bench, const BenchmarkOptions& options,
                            Measurements& results) {
  const std::string folder = options.output_dir + "/large-tree";
  const std::string copy = options.output_dir + "/large-copy";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  DRIVEROOT_RETURN_IF_ERROR(MakeLargeFile(folder + "/file", kLargeTreeBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Cost> costs,
                             MeasureTransfer(bench, folder, "drive:bench-large",
                                             copy, kLargeTreeName));
  results.transfers.insert(results.transfers.end(), costs.begin(), costs.end());
  std::filesystem::remove_all(folder, error);
  std::filesystem::remove_all(copy, error);
  return {};
}

Status MeasureMachines(const std::string& program,
                       const BenchmarkOptions& options,
                       const std::shared_ptr<PrivateDrive>& drive,
                       const std::string& tree, Measurements& results) {
  DRIVEROOT_ASSIGN_OR_RETURN(const vmtest::Image image,
                             vmtest::FindImage(program));
  std::error_code error;
  results.image_bytes = std::filesystem::file_size(image.uki, error);
  const std::unique_ptr<vmtest::TestBed> bed =
      vmtest::TestBed::On(image, drive);
  results.accelerator = bed->accelerator() == vmtest::Accelerator::kKvm
                            ? "KVM"
                            : "software emulation";
  if (options.boots) {
    DRIVEROOT_ASSIGN_OR_RETURN(results.boots,
                               MeasureBoots(*bed, image, kVolume, tree));
  }
  if (options.packages) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        results.installations,
        MeasureInstallations(*bed, image, options.output_dir));
  }
  return {};
}

}  // namespace

Result<Measurements> RunBenchmark(const std::string& program,
                                  const BenchmarkOptions& options) {
  Measurements results;
  results.link = options.link;
  DRIVEROOT_ASSIGN_OR_RETURN(const vmtest::Programs programs,
                             vmtest::FindPrograms(program));
  std::error_code error;
  const std::string archive = programs.File(kTree);
  results.tree_bytes = std::filesystem::file_size(archive, error);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::shared_ptr<PrivateDrive> drive,
                             PrivateDrive::Start(programs, options.output_dir,
                                                 LinkFlags(options.link)));
  const Bench bench = {.drive = *drive, .link = options.link};
  const std::string tree = options.output_dir + "/tree";
  DRIVEROOT_ASSIGN_OR_RETURN(results.transfers,
                             MeasureTransfer(bench, archive, kVolume, tree));
  if (options.large) {
    std::cout << "pushing and pulling a large tree" << std::endl;
    DRIVEROOT_RETURN_IF_ERROR(MeasureLargeTransfer(bench, options, results));
  }
  if (options.reads || options.rclone) {
    DRIVEROOT_RETURN_IF_ERROR(
        MeasureFiles(bench, options, programs, tree, results));
  }
  if (options.boots || options.packages) {
    DRIVEROOT_RETURN_IF_ERROR(
        MeasureMachines(program, options, drive, tree, results));
  }
  std::filesystem::remove_all(tree, error);
  return results;
}

}  // namespace driveroot::bench
