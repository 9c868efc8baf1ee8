// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {
namespace {

using Kind = FaultAction::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 16> kActions = {
    {{"status", Kind::kStatus},
     {"answer", Kind::kAnswer},
     {"answer_after_commit", Kind::kAnswerAfterCommit},
     {"add_headers", Kind::kAddHeaders},
     {"short_range", Kind::kShortRange},
     {"reset_before_commit", Kind::kResetBeforeCommit},
     {"reset_after_commit", Kind::kResetAfterCommit},
     {"truncate", Kind::kTruncate},
     {"corrupt", Kind::kCorrupt},
     {"expire_session", Kind::kExpireSession},
     {"short_308", Kind::kShort308},
     {"stall", Kind::kStall},
     {"goaway", Kind::kGoaway},
     {"expire_token", Kind::kExpireToken},
     {"stale_list", Kind::kStaleList},
     {"duplicate_entries", Kind::kDuplicateEntries}}};

Status BadRule(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, "fault rule: " + std::move(message));
}

bool IsKnownClass(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(CallClass::kUnknown); ++i) {
    if (CallClassName(static_cast<CallClass>(i)) == name) return true;
  }
  return false;
}

}  // namespace

Status FaultRules::Add(const Json& json) {
  if (!json.IsObject()) return BadRule("must be an object");
  Rule rule;
  uint64_t seed = 0;
  uint64_t status = 0;  // 0: the action's own
  std::string action;
  std::string scope;
  const std::pair<std::string_view, std::string*> strings[] = {
      {"method", &rule.method},    {"class", &rule.call_class},
      {"path", &rule.path},        {"reason", &rule.action.reason},
      {"action", &action},         {"scope", &scope},
      {"body", &rule.action.body}, {"headers", &rule.action.headers}};
  const std::pair<std::string_view, uint64_t*> numbers[] = {
      {"nth", &rule.nth},
      {"every", &rule.every},
      {"times", &rule.times},
      {"seed", &seed},
      {"status", &status},
      {"retry_after", &rule.action.retry_after},
      {"bytes", &rule.action.bytes},
      {"at", &rule.action.at},
      {"ms", &rule.action.ms}};
  for (const auto& [key, value] : json.GetObject()) {
    const std::string name(JsonView(key));
    const auto is_name = [&](const auto& entry) { return entry.first == name; };
    const auto text = std::ranges::find_if(strings, is_name);
    const auto number = std::ranges::find_if(numbers, is_name);
    if (text != std::end(strings) && value.IsString()) {
      *text->second = JsonView(value);
    } else if (number != std::end(numbers) && value.IsUint64()) {
      *number->second = value.GetUint64();
    } else if (name == "probability" && value.IsNumber()) {
      rule.probability = value.GetDouble();
    } else {
      return BadRule("\"" + name + "\" is unknown or has the wrong type");
    }
  }
  const auto kind = std::ranges::find_if(
      kActions, [&](const auto& entry) { return entry.first == action; });
  if (kind == kActions.end())
    return BadRule("unknown action \"" + action + "\"");
  if (!rule.call_class.empty() && !IsKnownClass(rule.call_class))
    return BadRule("unknown class \"" + rule.call_class + "\"");
  const bool lies =
      kind->second == Kind::kAnswer || kind->second == Kind::kAnswerAfterCommit;
  if (status == 0) status = lies ? 200 : 503;
  if (status < (lies ? 200 : 400) || status > 599)
    return BadRule("status must be from " + std::to_string(lies ? 200 : 400) +
                   " to 599");
  if (!scope.empty() && scope != "stream" && scope != "connection")
    return BadRule("scope must be stream or connection");
  rule.action.kind = kind->second;
  rule.action.status = static_cast<int>(status);
  rule.action.whole_connection = scope == "connection";
  rule.random.seed(seed);
  rules_.push_back(std::move(rule));
  return {};
}

Status FaultRules::AddSpec(std::string_view spec) {
  if (spec.starts_with('{')) {
    const auto document = ParseJson(spec);
    if (!document) return BadRule("malformed JSON: " + std::string(spec));
    return Add(*document);
  }
  rapidjson::Document document;
  JsonObject rule(document.GetAllocator());
  while (!spec.empty()) {
    const size_t end = std::min(spec.find(','), spec.size());
    const std::string_view pair = spec.substr(0, end);
    spec.remove_prefix(std::min(end + 1, spec.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      return BadRule("\"" + std::string(pair) + "\" is not key=value");
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    double fraction = 0;
    if (const auto number = ParseDecimal(value)) {
      rule.Set(key, *number);
    } else if (const auto [last, error] = std::from_chars(
                   value.data(), value.data() + value.size(), fraction);
               error == std::errc() && last == value.data() + value.size()) {
      rule.Set(key, Json(fraction));
    } else {
      rule.Set(key, value);
    }
  }
  return Add(rule.Take());
}

bool FaultRules::Rule::Hits() {
  ++seen;
  if (times > 0 && hits >= times) return false;
  if (nth > 0 && seen != nth) return false;
  if (every > 0 && seen % every != 0) return false;
  if (probability < 1 &&
      std::generate_canonical<double, 53>(random) >= probability)
    return false;
  return true;
}

FaultAction FaultRules::Match(std::string_view method, CallClass call,
                              std::string_view target) {
  FaultAction action;
  for (Rule& rule : rules_) {
    if (!rule.method.empty() && rule.method != method) continue;
    if (!rule.call_class.empty() && rule.call_class != CallClassName(call))
      continue;
    if (target.find(rule.path) == std::string_view::npos) continue;
    if (!rule.Hits() || action.kind != Kind::kNone) continue;
    ++rule.hits;
    ++hits_;
    action = rule.action;
  }
  return action;
}

}  // namespace driveroot::fakedrive
