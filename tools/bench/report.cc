// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.h"

#include <format>

#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace driveroot::bench {
namespace {

using vmtest::BootPhase;
using vmtest::DescribeTraffic;
using vmtest::TotalSeconds;
using vmtest::Traffic;

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

double Megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

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
}

void DescribeInstallation(const Installation& installation,
                          std::string& table) {
  table += std::format("apt-get install, {:<34}{:8.1f} s\n", installation.name,
                       installation.seconds);
  if (installation.traffic.requests.empty()) return;
  table += "    " + DescribeTraffic(installation.traffic) + "\n";
}

void PutTraffic(Writer& writer, const char* key, const Traffic& traffic) {
  writer.Key(key);
  writer.StartObject();
  writer.Key("requests");
  writer.StartObject();
  for (const auto& [name, count] : traffic.requests) {
    writer.Key(name.c_str());
    writer.Uint64(count);
  }
  writer.EndObject();
  writer.Key("bytes_up");
  writer.Uint64(traffic.bytes_up);
  writer.Key("bytes_down");
  writer.Uint64(traffic.bytes_down);
  writer.EndObject();
}

void PutBoot(Writer& writer, const Boot& boot) {
  writer.StartObject();
  writer.Key("name");
  writer.String(boot.name.c_str());
  writer.Key("seconds_to_login");
  writer.Double(TotalSeconds(boot.phases));
  writer.Key("phases");
  writer.StartObject();
  for (const BootPhase& phase : boot.phases) {
    writer.Key(phase.name.c_str());
    writer.Double(phase.seconds);
  }
  writer.EndObject();
  writer.Key("power_off_seconds");
  writer.Double(boot.power_off_seconds);
  PutTraffic(writer, "to_login", boot.to_login);
  PutTraffic(writer, "to_power_off", boot.to_power_off);
  writer.EndObject();
}

}  // namespace

std::string FormatTable(const Measurements& results) {
  std::string table = std::format(
      "machines run with {}; uki.efi is {:.1f} MB\n"
      "push of {:.1f} MB: {:.1f} s, {}\n",
      results.accelerator, Megabytes(results.image_bytes),
      Megabytes(results.tree_bytes), results.push_seconds,
      DescribeTraffic(results.push));
  for (const Boot& boot : results.boots) DescribeBoot(boot, table);
  // Boots come in pairs: from the Drive, then from the disk.
  for (size_t i = 0; i + 1 < results.boots.size(); i += 2) {
    const Boot& drive = results.boots[i];
    const Boot& disk = results.boots[i + 1];
    table +=
        std::format("{} / {}: {:.2f}\n", drive.name, disk.name,
                    TotalSeconds(drive.phases) / TotalSeconds(disk.phases));
  }
  for (const Installation& installation : results.installations) {
    DescribeInstallation(installation, table);
  }
  return table;
}

std::string FormatJson(const Measurements& results) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("accelerator");
  writer.String(results.accelerator.c_str());
  writer.Key("image_bytes");
  writer.Uint64(results.image_bytes);
  writer.Key("tree_bytes");
  writer.Uint64(results.tree_bytes);
  writer.Key("push_seconds");
  writer.Double(results.push_seconds);
  PutTraffic(writer, "push", results.push);
  writer.Key("boots");
  writer.StartArray();
  for (const Boot& boot : results.boots) PutBoot(writer, boot);
  writer.EndArray();
  writer.Key("installations");
  writer.StartArray();
  for (const Installation& installation : results.installations) {
    writer.StartObject();
    writer.Key("name");
    writer.String(installation.name.c_str());
    writer.Key("seconds");
    writer.Double(installation.seconds);
    PutTraffic(writer, "traffic", installation.traffic);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace driveroot::bench
