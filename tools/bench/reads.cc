// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/reads.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "tools/bench/file_reads.h"
#include "tools/bench/round_trips.h"

namespace driveroot::bench {
namespace {

constexpr char kTreeVolume[] = "drive:reads-tree";
constexpr char kLargeVolume[] = "drive:reads-large";

struct MeasuredMount {
  Mounted mounted;
  Cost cost;
};

Result<MeasuredMount> MeasureMount(const Bench& bench, const Mounter& mount,
                                   Content content) {
  std::optional<Mounted> mounted;
  // The log's times are whole milliseconds.
  const auto begin = std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::now());
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost cost, MeasureCost(bench, kMountName, [&](Cost&) -> Status {
        DRIVEROOT_ASSIGN_OR_RETURN(Mounted made, mount(content));
        mounted.emplace(std::move(made));
        return {};
      }));
  DRIVEROOT_ASSIGN_OR_RETURN(cost.round_trips,
                             RoundTripsSince(bench.drive.RequestLog(), begin));
  return MeasuredMount{*std::move(mounted), std::move(cost)};
}

// Reads once from a mount of its own.
Result<Cost> ReadLargeFile(
    const Bench& bench, const ReadPlan& plan, const Mounter& mount,
    const std::function<Result<Cost>(const std::string& path)>& read) {
  DRIVEROOT_ASSIGN_OR_RETURN(MeasuredMount large,
                             MeasureMount(bench, mount, Content::kLargeFile));
  const std::filesystem::path file = plan.large_file;
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost cost, read(large.mounted.folder() + "/" + file.filename().string()));
  DRIVEROOT_RETURN_IF_ERROR(large.mounted.Unmount());
  return cost;
}

}  // namespace

std::string ReadPlan::LargeFolder() const {
  return std::filesystem::path(large_file).parent_path();
}

Result<std::vector<Cost>> MeasureReads(const Bench& bench, const ReadPlan& plan,
                                       const Mounter& mount) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::vector<std::string> files,
      SampleFiles(plan.tree, plan.small_files, plan.small_bytes));
  DRIVEROOT_ASSIGN_OR_RETURN(MeasuredMount tree,
                             MeasureMount(bench, mount, Content::kTree));
  const std::string& folder = tree.mounted.folder();
  DRIVEROOT_ASSIGN_OR_RETURN(Cost walk, WalkTree(bench, folder));
  DRIVEROOT_ASSIGN_OR_RETURN(Cost missing, LookForMissing(bench, folder));
  DRIVEROOT_ASSIGN_OR_RETURN(Cost small, ReadFiles(bench, folder, files));
  DRIVEROOT_RETURN_IF_ERROR(tree.mounted.Unmount());
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost random, ReadLargeFile(bench, plan, mount, [&](const auto& path) {
        return ReadRandomly(bench, path, plan.random_reads);
      }));
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost sequential, ReadLargeFile(bench, plan, mount, [&](const auto& path) {
        return ReadSequentially(bench, path);
      }));
  return std::vector<Cost>{tree.cost, walk, missing, small, random, sequential};
}

Result<std::vector<Cost>> MeasureVolumeReads(const Bench& bench,
                                             const ReadPlan& plan) {
  DRIVEROOT_RETURN_IF_ERROR(OnFastLink(bench, [&]() -> Status {
    DRIVEROOT_RETURN_IF_ERROR(
        bench.drive.Driveroot("push", {plan.tree, kTreeVolume}));
    DRIVEROOT_RETURN_IF_ERROR(
        bench.drive.Driveroot("push", {plan.LargeFolder(), kLargeVolume}));
    return {};
  }));
  return MeasureReads(bench, plan, [&](Content content) {
    return Mounted::Volume(
        bench.drive, content == Content::kTree ? kTreeVolume : kLargeVolume,
        bench.drive.output_dir() + "/mount");
  });
}

}  // namespace driveroot::bench
