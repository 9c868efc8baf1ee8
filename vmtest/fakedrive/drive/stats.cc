// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/stats.h"

#include <fcntl.h>
#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "vmtest/fakedrive/drive/times.h"
#include "vmtest/fakedrive/server/files.h"

namespace driveroot::fakedrive {
namespace {

constexpr std::array<std::string_view, 8> kSecretParameters = {
    "access_token", "client_secret", "code",  "code_verifier",
    "device_code",  "refresh_token", "token", "upload_id"};

// How the exchange ended: its status, or 0 for no answer at all.
int StatusOf(const Exchange& exchange) {
  if (!exchange.answered()) return 0;
  const Response& response = exchange.response();
  const bool silent = response.abort != Abort::kNone && !response.abort_after;
  return silent ? 0 : response.status;
}

}  // namespace

std::string RedactTarget(std::string_view target) {
  const size_t question = target.find('?');
  std::string redacted(target.substr(0, question));
  if (question == std::string_view::npos) return redacted;
  char separator = '?';
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view name = pair.substr(0, pair.find('='));
    redacted += separator;
    separator = '&';
    // An escaped name could be a secret's: its value is left out, too.
    const bool secret = std::ranges::count(kSecretParameters, name) > 0 ||
                        name.find('%') != std::string_view::npos;
    redacted += secret ? std::string(name) + "=redacted" : std::string(pair);
  }
  return redacted;
}

void Stats::Count(CallClass call, const Exchange& exchange) {
  PerClass& per_class = classes_[call];
  ++per_class.requests;
  per_class.body_bytes_in += exchange.body().size();
  per_class.body_bytes_out += exchange.body_sent;
  const int status = StatusOf(exchange);
  if (status != 0) ++statuses_[status];
  if (status >= 400) ++errors_;
  if (!exchange.complete) ++aborted_;
}

Json Stats::ToJson(const ServerCounters& server,
                   JsonAllocator& allocator) const {
  JsonObject requests(allocator);
  JsonObject in(allocator);
  JsonObject out(allocator);
  uint64_t total = 0;
  for (int i = 0; i <= static_cast<int>(CallClass::kUnknown); ++i) {
    const auto call = static_cast<CallClass>(i);
    if (call == CallClass::kControl) continue;
    const auto found = classes_.find(call);
    const PerClass counted =
        found == classes_.end() ? PerClass() : found->second;
    requests.Set(CallClassName(call), counted.requests);
    in.Set(CallClassName(call), counted.body_bytes_in);
    out.Set(CallClassName(call), counted.body_bytes_out);
    total += counted.requests;
  }
  JsonObject statuses(allocator);
  for (const auto& [status, count] : statuses_)
    statuses.Set(std::to_string(status), count);
  JsonObject object(allocator);
  object.Set("requests", requests.Take())
      .Set("requests_total", total)
      .Set("body_bytes_in", in.Take())
      .Set("body_bytes_out", out.Take())
      .Set("statuses", statuses.Take())
      .Set("errors", errors_)
      .Set("aborted", aborted_)
      .Set("bytes_in", server.bytes_in)
      .Set("bytes_out", server.bytes_out)
      .Set("connections", server.connections)
      .Set("http1_connections", server.http1_connections)
      .Set("http2_connections", server.http2_connections)
      .Set("http2_streams", server.http2_streams)
      .Set("tls_errors", server.tls_errors)
      .Set("protocol_errors", server.protocol_errors);
  return object.Take();
}

Result<RequestLog> RequestLog::Open(const std::string& path) {
  RequestLog log;
  log.file_ = UniqueFd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.file_.valid())
    return std::unexpected(
        Error::FromErrno(errno, "cannot open the request log " + path));
  return log;
}

void RequestLog::Write(CallClass call, const Exchange& exchange) const {
  if (!file_.valid()) return;
  const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - exchange.start());
  const auto start = std::chrono::duration_cast<std::chrono::milliseconds>(
      exchange.wall_start().time_since_epoch());
  rapidjson::Document document;
  JsonObject line(document.GetAllocator());
  line.Set("time", std::string_view(FormatTime(start.count())))
      .Set("connection", exchange.connection_id())
      .Set("protocol", std::string_view(exchange.head().protocol))
      .Set("method", std::string_view(exchange.head().method))
      .Set("path", std::string_view(RedactTarget(exchange.head().target)))
      .Set("class", CallClassName(call));
  if (const std::string* range = exchange.head().headers.Find("range"))
    line.Set("range", std::string_view(*range));
  if (const std::string* range = exchange.head().headers.Find("content-range"))
    line.Set("content_range", std::string_view(*range));
  line.Set("status", Json(StatusOf(exchange)))
      .Set("complete", exchange.complete)
      .Set("bytes_in", exchange.body().size())
      .Set("bytes_out", exchange.body_sent)
      .Set("ms", static_cast<uint64_t>(taken.count()));
  const Status written =
      WriteFully(file_.get(), JsonText(line.Take()) + "\n", "the request log");
  LOG_IF_EVERY_N(ERROR, !written, 1000) << written.error();
}

}  // namespace driveroot::fakedrive
