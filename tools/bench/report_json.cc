// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/json_writer.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"
#include "tools/bench/goals.h"
#include "tools/bench/report.h"

namespace driveroot::bench {
namespace {

using vmtest::BootPhase;
using vmtest::TotalSeconds;
using vmtest::Traffic;

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void PutTraffic(Writer& writer, const char* key, const Traffic& traffic) {
  writer.Key(key);
  writer.StartObject();
  writer.Key("requests");
  writer.StartObject();
  for (const auto& [name, count] : traffic.requests) {
    PutMember(writer, name.c_str(), count);
  }
  writer.EndObject();
  PutMember(writer, "bytes_up", traffic.bytes_up);
  PutMember(writer, "bytes_down", traffic.bytes_down);
  writer.EndObject();
}

void PutLink(Writer& writer, const Link& link) {
  writer.Key("link");
  writer.StartObject();
  PutMember(writer, "name", link.name);
  PutMember(writer, "read_latency_ms", link.read_latency_ms);
  PutMember(writer, "write_latency_ms", link.write_latency_ms);
  PutMember(writer, "bandwidth_mbit", link.bandwidth_mbit);
  PutMember(writer, "creates_per_second", link.creates_per_second);
  PutMember(writer, "units_per_minute", link.units_per_minute);
  writer.EndObject();
}

void PutCost(Writer& writer, const Cost& cost) {
  writer.StartObject();
  PutMember(writer, "name", cost.name);
  PutMember(writer, "seconds", cost.seconds);
  if (cost.operations > 0) {
    PutMember(writer, "unit", cost.unit);
    PutMember(writer, "operations", cost.operations);
  }
  if (cost.bytes > 0) PutMember(writer, "bytes", cost.bytes);
  if (cost.link_share) PutMember(writer, "link_share", *cost.link_share);
  if (cost.round_trips) PutMember(writer, "round_trips", *cost.round_trips);
  PutTraffic(writer, "traffic", cost.traffic);
  writer.EndObject();
}

void PutCosts(Writer& writer, const char* key, const std::vector<Cost>& costs) {
  writer.Key(key);
  writer.StartArray();
  for (const Cost& cost : costs) PutCost(writer, cost);
  writer.EndArray();
}

void PutRclone(Writer& writer, const Measurements& results) {
  if (!results.rclone) return;
  const RcloneCosts& rclone = *results.rclone;
  writer.Key("rclone");
  writer.StartObject();
  writer.Key("copy");
  PutCost(writer, rclone.copy);
  writer.Key("sample");
  PutCost(writer, rclone.sample);
  PutMember(writer, "extrapolated_seconds", rclone.extrapolated_seconds);
  PutCosts(writer, "reads", rclone.reads);
  PutMember(writer, "creates_ratio", CreatesRatio(results));
  writer.EndObject();
}

void PutBoot(Writer& writer, const Boot& boot) {
  writer.StartObject();
  PutMember(writer, "name", boot.name);
  PutMember(writer, "seconds_to_login", TotalSeconds(boot.phases));
  writer.Key("phases");
  writer.StartObject();
  for (const BootPhase& phase : boot.phases) {
    PutMember(writer, phase.name.c_str(), phase.seconds);
  }
  writer.EndObject();
  PutMember(writer, "power_off_seconds", boot.power_off_seconds);
  PutTraffic(writer, "to_login", boot.to_login);
  PutTraffic(writer, "to_power_off", boot.to_power_off);
  PutMember(writer, "useful_bytes", boot.useful_bytes);
  PutMember(writer, "useful_share", UsefulShare(boot));
  writer.EndObject();
}

void PutInstallation(Writer& writer, const Installation& installation) {
  writer.StartObject();
  PutMember(writer, "name", installation.name);
  PutMember(writer, "seconds", installation.seconds);
  PutTraffic(writer, "traffic", installation.traffic);
  writer.EndObject();
}

void PutGoal(Writer& writer, const Goal& goal) {
  writer.StartObject();
  PutMember(writer, "name", goal.name);
  PutMember(writer, "measured", goal.measured);
  PutMember(writer, goal.at_most ? "at_most" : "at_least", goal.limit);
  PutMember(writer, "met", goal.Met());
  writer.EndObject();
}

}  // namespace

std::string FormatJson(const Measurements& results) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutLink(writer, results.link);
  PutMember(writer, "tree_bytes", results.tree_bytes);
  PutCosts(writer, "transfers", results.transfers);
  PutCosts(writer, "reads", results.reads);
  PutRclone(writer, results);
  PutMember(writer, "accelerator", results.accelerator);
  PutMember(writer, "image_bytes", results.image_bytes);
  writer.Key("boots");
  writer.StartArray();
  for (const Boot& boot : results.boots) PutBoot(writer, boot);
  writer.EndArray();
  writer.Key("installations");
  writer.StartArray();
  for (const Installation& installation : results.installations) {
    PutInstallation(writer, installation);
  }
  writer.EndArray();
  writer.Key("goals");
  writer.StartArray();
  for (const Goal& goal : CheckGoals(results)) PutGoal(writer, goal);
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace driveroot::bench
