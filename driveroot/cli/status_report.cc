// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/status_report.h"

#include <utility>

#include "driveroot/base/json_writer.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void PutNetwork(Writer& writer, const NetCounters& network) {
  writer.Key("network");
  writer.StartObject();
  PutMember(writer, "requests", network.requests);
  PutMember(writer, "bytes_up", network.bytes_up);
  PutMember(writer, "bytes_down", network.bytes_down);
  PutMember(writer, "connections_opened", network.connections_opened);
  PutMember(writer, "network_failures", network.network_failures);
  PutMember(writer, "retries", network.retries);
  PutMember(writer, "rate_limited", network.rate_limited);
  writer.Key("calls");
  writer.StartObject();
  for (const auto& [name, call] : network.calls) {
    writer.Key(name.c_str());
    writer.StartObject();
    PutMember(writer, "requests", call.requests);
    PutMember(writer, "failures", call.failures);
    PutMember(writer, "bytes_up", call.bytes_up);
    PutMember(writer, "bytes_down", call.bytes_down);
    PutMember(writer, "milliseconds", call.milliseconds);
    writer.EndObject();
  }
  writer.EndObject();
  writer.Key("recent");
  writer.StartArray();
  for (const ExchangeRecord& exchange : network.recent) {
    writer.StartObject();
    PutMember(writer, "call", exchange.call);
    PutMember(writer, "started", exchange.started);
    PutMember(writer, "milliseconds", exchange.milliseconds);
    PutMember(writer, "status", static_cast<uint64_t>(exchange.status));
    PutMember(writer, "bytes_up", exchange.bytes_up);
    PutMember(writer, "bytes_down", exchange.bytes_down);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
}

void AppendText(const rapidjson::Value& value, const std::string& prefix,
                std::string& text) {
  for (const auto& member : value.GetObject()) {
    std::string name = member.name.GetString();
    for (char& c : name) c = c == '_' ? ' ' : c;
    // A timeline is for programs.
    if (member.value.IsArray()) continue;
    if (member.value.IsObject()) {
      AppendText(member.value, prefix + name + " ", text);
      continue;
    }
    text += prefix + name + ": ";
    if (member.value.IsString()) text += member.value.GetString();
    if (member.value.IsUint64()) {
      text += std::to_string(member.value.GetUint64());
    }
    if (member.value.IsBool()) text += member.value.GetBool() ? "yes" : "no";
    text += "\n";
  }
}

}  // namespace

std::string StatusJson(
    std::string_view volume, const VolumeStatus& status,
    const std::optional<NetCounters>& network,
    std::span<const std::pair<std::string_view, uint64_t>> kernel_requests) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutMember(writer, "volume", volume);
  PutMember(writer, "uuid", status.uuid);
  PutMember(writer, "read_only", status.read_only);
  PutMember(writer, "fenced", status.fenced);
  if (status.fenced) PutMember(writer, "fenced_by", status.fenced_by);
  if (!status.last_error.empty())
    PutMember(writer, "last_error", status.last_error);
  const std::pair<const char*, uint64_t> numbers[] = {
      {"epoch", status.epoch},
      {"last_durable_record", status.last_durable_record},
      {"checkpoint_record", status.checkpoint_record},
      {"inodes", status.inodes},
      {"data_bytes", status.data_bytes},
      {"uncommitted_inodes", status.uncommitted_inodes},
      {"unstored_bytes", status.unstored_bytes},
      {"metadata_bytes", status.metadata_bytes},
      {"metadata_limit", status.metadata_limit},
      {"present_bytes", status.present_bytes},
      {"live_bytes", status.live_bytes},
      {"past_bytes", status.past_bytes},
      {"past_limit_bytes", status.past_limit_bytes},
      {"records_written", status.records_written},
      {"segments_written", status.segments_written},
      {"checkpoints_written", status.checkpoints_written},
      {"bytes_written", status.bytes_written},
      {"garbage_bytes_written", status.garbage_bytes_written},
      {"fetches", status.fetches},
      {"bytes_fetched", status.bytes_fetched},
      {"bytes_used", status.bytes_used},
      {"waiting_requests", status.waiting_requests},
      {"reads_that_waited", status.reads_that_waited},
      {"wait_milliseconds", status.wait_milliseconds},
      {"fetches_cancelled", status.fetches_cancelled},
      {"cache_hits", status.cache_hits},
      {"cache_misses", status.cache_misses},
      {"boot_trace_frames", status.boot.frames},
      {"boot_trace_bytes", status.boot.bytes},
      {"boot_bytes_fetched", status.boot.bytes_fetched},
      {"boot_requests", status.boot.requests},
      {"cache_bytes", status.cache_bytes}};
  for (const auto& [key, number] : numbers) PutMember(writer, key, number);
  if (network) PutNetwork(writer, *network);
  if (!kernel_requests.empty()) {
    writer.Key("kernel_requests");
    writer.StartObject();
    for (const auto& [name, count] : kernel_requests) {
      PutMember(writer, std::string(name).c_str(), count);
    }
    writer.EndObject();
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

Result<std::string> StatusMember(const std::string& answer) {
  rapidjson::Document document;
  document.Parse(answer.data(), answer.size());
  if (!document.IsObject() || !document.HasMember("status")) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer has no status");
  }
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  document["status"].Accept(writer);
  return std::string(buffer.GetString(), buffer.GetSize());
}

Result<std::string> StatusText(std::string_view json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (!document.IsObject()) {
    return Fail(ErrorCode::kDataLoss, "the status is not JSON");
  }
  std::string text;
  AppendText(document, "", text);
  return text;
}

}  // namespace driveroot
