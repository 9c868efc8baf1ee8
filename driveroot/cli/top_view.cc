// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/top_view.h"

#include <algorithm>
#include <cstdint>
#include <format>
#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include "driveroot/cli/progress_bar.h"
#include "rapidjson/document.h"

namespace driveroot {
namespace {

// The number at the end of `path`; 0 where there is none.
uint64_t Number(const rapidjson::Value& status,
                std::initializer_list<const char*> path) {
  const rapidjson::Value* value = &status;
  for (const char* key : path) {
    if (!value->IsObject()) return 0;
    const auto found = value->FindMember(key);
    if (found == value->MemberEnd()) return 0;
    value = &found->value;
  }
  return value->IsUint64() ? value->GetUint64() : 0;
}

std::string Text(const rapidjson::Value& status, const char* key) {
  const auto found = status.FindMember(key);
  if (found == status.MemberEnd() || !found->value.IsString()) return "";
  return found->value.GetString();
}

bool IsTrue(const rapidjson::Value& status, const char* key) {
  const auto found = status.FindMember(key);
  return found != status.MemberEnd() && found->value.IsTrue();
}

// Two states of a volume, and the time between them.
class View {
 public:
  View(const rapidjson::Value& before, const rapidjson::Value& now,
       std::chrono::milliseconds between)
      : before_(before),
        now_(now),
        seconds_(std::max(0.001, static_cast<double>(between.count()) / 1e3)) {}

  std::string Text() const {
    return Heading() + Network() + Reading() + Writing() + Kernel() + Calls();
  }

 private:
  using Path = std::initializer_list<const char*>;

  uint64_t Now(Path path) const { return Number(now_, path); }
  uint64_t Change(Path path) const {
    const uint64_t now = Number(now_, path);
    return now - std::min(now, Number(before_, path));
  }
  double Rate(Path path) const {
    return static_cast<double>(Change(path)) / seconds_;
  }
  std::string ByteRate(Path path) const {
    return FormatBytes(static_cast<uint64_t>(Rate(path))) + "/s";
  }

  std::string Heading() const {
    std::string state = IsTrue(now_, "fenced")      ? "taken over, read-only"
                        : IsTrue(now_, "read_only") ? "read-only"
                                                    : "read-write";
    std::string text =
        std::format("{}  {}  {} inodes, {}\n", driveroot::Text(now_, "volume"),
                    state, Now({"inodes"}), FormatBytes(Now({"data_bytes"})));
    const std::string error = driveroot::Text(now_, "last_error");
    if (!error.empty()) text += "! " + error + "\n";
    return text;
  }

  std::string Network() const {
    return std::format(
        "network  {:>6.1f} requests/s  down {:>10}  up {:>10}  "
        "{} retries, {} connections\n",
        Rate({"network", "requests"}), ByteRate({"network", "bytes_down"}),
        ByteRate({"network", "bytes_up"}), Now({"network", "retries"}),
        Now({"network", "connections_opened"}));
  }

  std::string Reading() const {
    const uint64_t hits = Change({"cache_hits"});
    const uint64_t all = hits + Change({"cache_misses"});
    const std::string ratio =
        all == 0 ? "-" : std::format("{} %", hits * 100 / all);
    const uint64_t fetched = Now({"bytes_fetched"});
    const std::string used =
        fetched == 0 ? "-"
                     : std::format("{} %", Now({"bytes_used"}) * 100 / fetched);
    return std::format(
        "reading  {:>6.1f} fetches/s   {:>15}  cache {} hits, {}, of what came "
        "{} used\n"
        "waiting  {} reads, {} ms each\n",
        Rate({"fetches"}), ByteRate({"bytes_fetched"}), ratio,
        FormatBytes(Now({"cache_bytes"})), used, Change({"reads_that_waited"}),
        Change({"wait_milliseconds"}) /
            std::max<uint64_t>(1, Change({"reads_that_waited"})));
  }

  std::string Writing() const {
    return std::format(
        "writing  {:>6.1f} records/s   {:>15}  {} not stored yet, durable up "
        "to record {}\n",
        Rate({"records_written"}), ByteRate({"bytes_written"}),
        FormatBytes(Now({"unstored_bytes"})), Now({"last_durable_record"}));
  }

  // What the kernel asks for, most frequent first.
  std::string Kernel() const {
    const auto requests = now_.FindMember("kernel_requests");
    if (requests == now_.MemberEnd()) return "";
    std::vector<std::pair<uint64_t, std::string>> operations;
    uint64_t all = 0;
    for (const auto& member : requests->value.GetObject()) {
      const std::string name = member.name.GetString();
      const uint64_t count = Change({"kernel_requests", name.c_str()});
      if (count > 0) operations.emplace_back(count, name);
      all += count;
    }
    std::ranges::sort(operations, std::greater());
    std::string text = std::format("kernel   {:>6.1f} requests/s ",
                                   static_cast<double>(all) / seconds_);
    for (const auto& [count, name] : operations) {
      text += std::format(" {} {}", name, count);
    }
    return text + "\n";
  }

  // One line for each kind of call, with what it did lately.
  std::string Calls() const {
    const auto network = now_.FindMember("network");
    if (network == now_.MemberEnd()) return "";
    std::string text =
        std::format("\n{:<20}{:>10}{:>10}{:>12}{:>12}{:>9}\n", "call", "now",
                    "in all", "down", "up", "ms each");
    for (const auto& call : network->value["calls"].GetObject()) {
      const char* name = call.name.GetString();
      const uint64_t requests = Now({"network", "calls", name, "requests"});
      text += std::format(
          "{:<20}{:>10}{:>10}{:>12}{:>12}{:>9}\n", name,
          Change({"network", "calls", name, "requests"}), requests,
          FormatBytes(Now({"network", "calls", name, "bytes_down"})),
          FormatBytes(Now({"network", "calls", name, "bytes_up"})),
          Now({"network", "calls", name, "milliseconds"}) /
              std::max<uint64_t>(1, requests));
    }
    return text;
  }

  const rapidjson::Value& before_;
  const rapidjson::Value& now_;
  const double seconds_;
};

}  // namespace

Result<std::string> TopText(std::string_view before, std::string_view now,
                            std::chrono::milliseconds between) {
  rapidjson::Document documents[2];
  documents[0].Parse(before.data(), before.size());
  documents[1].Parse(now.data(), now.size());
  for (const rapidjson::Document& document : documents) {
    if (!document.IsObject()) {
      return Fail(ErrorCode::kDataLoss, "the status is not JSON");
    }
  }
  return View(documents[0], documents[1], between).Text();
}

}  // namespace driveroot
