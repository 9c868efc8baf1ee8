// SPDX-License-Identifier: Apache-2.0
//
// The control endpoint, off the API's paths and without a token: whoever can
// reach this server may steer it. Calls that a test makes here are neither
// counted as requests nor slowed down.
#include <utility>

#include "vmtest/fakedrive/drive/drive.h"

namespace driveroot::fakedrive {
namespace {

Response Done() { return TextResponse(200, kJsonType, "{}"); }

Response Refused(std::string message) {
  return ErrorResponse(BadRequest(std::move(message)));
}

}  // namespace

Response Drive::Control(const Exchange& exchange, const Target& target) {
  const std::string& method = exchange.head().method;
  const std::string path = target.path.substr(sizeof "/_control" - 1);
  if (method == "GET" && path == "/stats") return StatsResponse();
  if (method == "DELETE" && path == "/faults") {
    faults_.Clear();
    return Done();
  }
  if (method != "POST") return Refused("no such control call: " + path);
  const auto text = exchange.body().ReadAll(kMaxJsonBytes);
  if (!text) return Refused(text.error().message());
  const auto body = ParseJson(text->empty() ? "{}" : *text);
  if (!body) return Refused("the body is no JSON");
  if (path == "/faults") return AddFaults(*body);
  if (path == "/latency" || path == "/settings") return ChangeSettings(*body);
  if (path == "/revoke") return RevokeTokens(*body);
  if (path == "/consent") {
    oauth_.set_user_denies(MemberBool(*body, "deny"));
    return Done();
  }
  if (path == "/reset_stats") {
    stats_.Reset();
    if (server_ != nullptr) server_->counters() = ServerCounters();
    return Done();
  }
  return Refused("no such control call: " + path);
}

Response Drive::StatsResponse() const {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json stats = stats_.ToJson(
      server_ != nullptr ? server_->counters() : ServerCounters(), allocator);
  uint64_t live = 0;
  for (const auto& [id, record] : files_->all()) {
    // The root folder is not counted.
    if (!record.deleted && !record.parent.empty()) ++live;
  }
  stats.AddMember("files", Json(live), allocator);
  stats.AddMember("bytes_stored", Json(files_->bytes_used()), allocator);
  stats.AddMember("faults_injected", Json(faults_.hits()), allocator);
  if (server_ != nullptr)
    stats.AddMember("open_connections",
                    Json(static_cast<uint64_t>(server_->open_connections())),
                    allocator);
  return TextResponse(200, kJsonType, JsonText(stats));
}

// One rule, or an array of them.
Response Drive::AddFaults(const Json& body) {
  if (!body.IsArray()) {
    const Status added = faults_.Add(body);
    return added ? Done() : Refused(added.error().message());
  }
  for (const Json& rule : body.GetArray()) {
    if (const Status added = faults_.Add(rule); !added)
      return Refused(added.error().message());
  }
  return Done();
}

Response Drive::ChangeSettings(const Json& body) {
  if (!body.IsObject()) return Refused("the settings must be an object");
  Settings settings = settings_;
  const std::pair<std::string_view, uint64_t*> whole[] = {
      {"read_latency_ms", &settings.read_latency_ms},
      {"write_latency_ms", &settings.write_latency_ms},
      {"units_per_minute", &settings.units_per_minute},
      {"quota_bytes", &settings.quota_bytes},
      {"token_lifetime_s", &settings.token_lifetime_s},
      {"device_interval_s", &settings.device_interval_s},
      {"device_pending_polls", &settings.device_pending_polls},
      {"name_lag_ms", &settings.name_lag_ms}};
  const std::pair<std::string_view, double*> fractions[] = {
      {"bandwidth_mbit", &settings.bandwidth_mbit},
      {"creates_per_second", &settings.creates_per_second}};
  for (const auto& [key, value] : body.GetObject()) {
    bool set = false;
    for (const auto& [name, field] : whole) {
      if (name != JsonView(key) || !value.IsUint64()) continue;
      *field = value.GetUint64();
      set = true;
    }
    for (const auto& [name, field] : fractions) {
      if (name != JsonView(key) || !value.IsNumber() || value.GetDouble() < 0)
        continue;
      *field = value.GetDouble();
      set = true;
    }
    if (!set)
      return Refused("the setting \"" + std::string(JsonView(key)) +
                     "\" is unknown or has the wrong type");
  }
  settings_ = settings;
  ApplySettings();
  return Done();
}

// {"what": "access"}, "refresh" or (the default) "all".
Response Drive::RevokeTokens(const Json& body) {
  const std::string what = MemberString(body, "what").value_or("all");
  if (what != "access" && what != "refresh" && what != "all")
    return Refused("\"what\" must be access, refresh or all");
  Status status;
  if (what != "access") status = account_.RevokeRefreshToken("");
  if (status && what != "refresh") status = account_.RevokeAccessTokens();
  return status ? Done() : Refused(status.error().message());
}

}  // namespace driveroot::fakedrive
