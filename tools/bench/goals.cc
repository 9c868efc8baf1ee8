// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/goals.h"

#include "tools/bench/file_reads.h"

namespace driveroot::bench {
namespace {

constexpr double kMebibyte = 1 << 20;

double Total(const vmtest::Traffic& traffic) {
  return static_cast<double>(traffic.TotalRequests());
}

void AddShare(const std::string& name, const Cost& cost,
              std::vector<Goal>& goals) {
  if (!cost.link_share) return;
  goals.push_back({name, *cost.link_share, 0.9});
}

void CheckTransfers(const std::vector<Cost>& transfers,
                    std::vector<Goal>& goals) {
  for (const Cost& cost : transfers) {
    AddShare(cost.name + ": share of the link", cost, goals);
    if (!cost.name.starts_with("push")) continue;
    const double segments =
        static_cast<double>(cost.traffic.bytes_up) / (16 * kMebibyte);
    goals.push_back({cost.name + ": requests", Total(cost.traffic),
                     segments + 12,
                     /*at_most=*/true});
  }
}

void CheckReads(const std::vector<Cost>& reads, std::vector<Goal>& goals) {
  for (const Cost& cost : reads) {
    if (cost.name == kWalkName || cost.name == kMissingName) {
      goals.push_back({cost.name + ": requests", Total(cost.traffic), 0,
                       /*at_most=*/true});
    } else if (cost.name == kRandomName && cost.operations > 0) {
      goals.push_back(
          {"random read: requests",
           Total(cost.traffic) / static_cast<double>(cost.operations), 1,
           /*at_most=*/true});
    } else if (cost.name == kSequentialName) {
      AddShare("sequential read: share of the link", cost, goals);
    } else if (cost.name == kMountName && cost.round_trips) {
      goals.push_back({"mount: round trips",
                       static_cast<double>(*cost.round_trips), 4,
                       /*at_most=*/true});
    }
  }
}

// From the Drive, optimised, and from the disk.
void CheckSecondBoots(const Boot& drive, const Boot& disk,
                      std::vector<Goal>& goals) {
  goals.push_back(
      {"second boot: seconds over those from the disk",
       vmtest::TotalSeconds(drive.phases) / vmtest::TotalSeconds(disk.phases),
       1.15, /*at_most=*/true});
  const double working_set = static_cast<double>(drive.useful_bytes);
  goals.push_back({"second boot: requests to login", Total(drive.to_login),
                   8 + working_set / (8 * kMebibyte), /*at_most=*/true});
  goals.push_back({"second boot: useful share", UsefulShare(drive), 0.8});
}

}  // namespace

std::vector<Goal> CheckGoals(const Measurements& results) {
  std::vector<Goal> goals;
  CheckTransfers(results.transfers, goals);
  CheckReads(results.reads, goals);
  if (results.rclone) {
    goals.push_back(
        {"creates of rclone copy over push's", CreatesRatio(results), 100});
  }
  if (results.boots.size() >= 4) {
    CheckSecondBoots(results.boots[2], results.boots[3], goals);
  }
  return goals;
}

double CreatesRatio(const Measurements& results) {
  if (!results.rclone || results.transfers.empty()) return 0;
  const auto creates = [](const Cost& cost) {
    return static_cast<double>(cost.traffic.Requests("create"));
  };
  const double pushed = creates(results.transfers.front());
  return pushed > 0 ? creates(results.rclone->copy) / pushed : 0;
}

double UsefulShare(const Boot& boot) {
  if (boot.to_power_off.bytes_down == 0) return 0;
  return static_cast<double>(boot.useful_bytes) /
         static_cast<double>(boot.to_power_off.bytes_down);
}

}  // namespace driveroot::bench
