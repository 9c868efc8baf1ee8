// SPDX-License-Identifier: Apache-2.0
#include <format>
#include <string_view>

#include "tools/bench/goals.h"
#include "tools/bench/report.h"

namespace driveroot::bench {
namespace {

using vmtest::BootPhase;
using vmtest::DescribeTraffic;
using vmtest::TotalSeconds;

double Megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

std::string DescribeLink(const Link& link) {
  std::string text = "link: " + link.name;
  if (link.bandwidth_mbit == 0) return text + "\n";
  return text + std::format(
                    ", {} ms to read, {} ms to write, {} Mbit/s, {} creates a "
                    "second\n",
                    link.read_latency_ms, link.write_latency_ms,
                    link.bandwidth_mbit, link.creates_per_second);
}

// How much was done; what one of many took.
std::string DescribeOperations(const Cost& cost) {
  if (cost.operations <= 1) return "";
  const auto operations = static_cast<double>(cost.operations);
  return std::format(
      "; {} {}, {:.2f} ms and {:.2f} requests each", cost.operations, cost.unit,
      cost.seconds * 1e3 / operations,
      static_cast<double>(cost.traffic.TotalRequests()) / operations);
}

void DescribeCost(std::string_view who, const Cost& cost, std::string& table) {
  table += std::format("{:<34}{:8.2f} s", std::format("{} {}", who, cost.name),
                       cost.seconds);
  if (cost.link_share) {
    table += std::format(", {:.1f} % of the link", *cost.link_share * 100);
  }
  if (cost.round_trips) {
    table += std::format(", {} round trips", *cost.round_trips);
  }
  table += DescribeOperations(cost);
  table += "\n    " + DescribeTraffic(cost.traffic) + "\n";
}

void DescribeRclone(const Measurements& results, std::string& table) {
  if (!results.rclone) return;
  const RcloneCosts& rclone = *results.rclone;
  DescribeCost("rclone", rclone.copy, table);
  DescribeCost("rclone", rclone.sample, table);
  table += std::format("    extrapolated to the whole tree: {:.0f} s\n",
                       rclone.extrapolated_seconds);
  for (const Cost& cost : rclone.reads) DescribeCost("rclone", cost, table);
}

void DescribeBoot(const Boot& boot, std::string& table) {
  table +=
      std::format("{:<34}{:8.1f} s to login, {:.1f} s to power off\n",
                  boot.name, TotalSeconds(boot.phases), boot.power_off_seconds);
  for (const BootPhase& phase : boot.phases) {
    table += std::format("    {:<30}{:8.1f} s\n", phase.name, phase.seconds);
  }
  if (boot.to_power_off.requests.empty()) return;
  table += "    to login: " + DescribeTraffic(boot.to_login) + "\n";
  table += "    to power-off: " + DescribeTraffic(boot.to_power_off) + "\n";
  table += std::format("    useful: {:.1f} of {:.1f} MB ({:.0f} %)\n",
                       Megabytes(boot.useful_bytes),
                       Megabytes(boot.to_power_off.bytes_down),
                       UsefulShare(boot) * 100);
}

void DescribeBoots(const Measurements& results, std::string& table) {
  if (results.boots.empty()) return;
  table += std::format("machines run with {}; uki.efi is {:.1f} MB\n",
                       results.accelerator, Megabytes(results.image_bytes));
  for (const Boot& boot : results.boots) DescribeBoot(boot, table);
  // Boots come in pairs, from the Drive and then from the disk, but for the
  // last one, which has the disk's last one to be held against.
  const size_t count = results.boots.size();
  for (size_t i = 0; i < count && count > 1; i += 2) {
    const Boot& drive = results.boots[i];
    const Boot& disk = results.boots[i + 1 < count ? i + 1 : i - 1];
    table +=
        std::format("{} / {}: {:.2f}\n", drive.name, disk.name,
                    TotalSeconds(drive.phases) / TotalSeconds(disk.phases));
  }
}

void DescribeGoals(const Measurements& results, std::string& table) {
  for (const Goal& goal : CheckGoals(results)) {
    table += std::format("{:<48}{:>9.2f}, {} {:.2f}: {}\n", goal.name,
                         goal.measured, goal.at_most ? "at most" : "at least",
                         goal.limit, goal.Met() ? "met" : "MISSED");
  }
}

void DescribeInstallation(const Installation& installation,
                          std::string& table) {
  table += std::format("apt-get install, {:<34}{:8.1f} s\n", installation.name,
                       installation.seconds);
  if (installation.traffic.requests.empty()) return;
  table += "    " + DescribeTraffic(installation.traffic) + "\n";
}

}  // namespace

std::string FormatTable(const Measurements& results) {
  std::string table = DescribeLink(results.link);
  table += std::format("the tree is {:.1f} MB as an archive\n",
                       Megabytes(results.tree_bytes));
  for (const Cost& cost : results.transfers) {
    DescribeCost("driveroot", cost, table);
  }
  for (const Cost& cost : results.reads) {
    DescribeCost("driveroot", cost, table);
  }
  DescribeRclone(results, table);
  DescribeBoots(results, table);
  for (const Installation& installation : results.installations) {
    DescribeInstallation(installation, table);
  }
  DescribeGoals(results, table);
  return table;
}

}  // namespace driveroot::bench
