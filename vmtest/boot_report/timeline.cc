// SPDX-License-Identifier: Apache-2.0
#include "vmtest/boot_report/timeline.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "rapidjson/document.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::vmtest {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kReadingCall[] = "media";

std::string TextOf(const rapidjson::Document& line, const char* key) {
  const auto found = line.FindMember(key);
  return found != line.MemberEnd() && found->value.IsString()
             ? found->value.GetString()
             : "";
}

uint64_t NumberOf(const rapidjson::Document& line, const char* key) {
  const auto found = line.FindMember(key);
  return found != line.MemberEnd() && found->value.IsUint64()
             ? found->value.GetUint64()
             : 0;
}

Result<WallTime> ParseWallTime(const std::string& text) {
  const std::optional<int64_t> time = fakedrive::ParseTime(text);
  if (!time) {
    return Fail(ErrorCode::kDataLoss,
                "the request log has the time \"" + text + "\"");
  }
  return WallTime(std::chrono::milliseconds(*time));
}

Result<TimelineRequest> ParseRequest(const std::string& text,
                                     WallTime power_on) {
  rapidjson::Document line;
  line.Parse(text.c_str(), text.size());
  if (line.HasParseError() || !line.IsObject()) {
    return Fail(ErrorCode::kDataLoss,
                "the request log has the line \"" + text + "\"");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const WallTime time,
                             ParseWallTime(TextOf(line, "time")));
  TimelineRequest request;
  request.begin = std::chrono::duration<double>(time - power_on).count();
  request.end =
      request.begin + static_cast<double>(NumberOf(line, "ms")) / 1000;
  request.call = TextOf(line, "class");
  request.path = TextOf(line, "path");
  request.status = static_cast<int>(NumberOf(line, "status"));
  request.bytes_up = NumberOf(line, "bytes_in");
  request.bytes_down = NumberOf(line, "bytes_out");
  return request;
}

}  // namespace

double Timeline::Length() const {
  return phases.empty() ? 0 : phases.back().end;
}

double Timeline::SecondsReading() const {
  double total = 0;
  double covered = 0;  // up to here
  for (const TimelineRequest& request : requests) {
    if (request.call != kReadingCall) continue;
    const double end = std::min(request.end, Length());
    total += std::max(0.0, end - std::max(request.begin, covered));
    covered = std::max(covered, end);
  }
  return total;
}

Result<std::vector<TimelineRequest>> ParseRequestLog(std::string_view log,
                                                     WallTime power_on,
                                                     double length) {
  std::vector<TimelineRequest> requests;
  std::istringstream lines{std::string(log)};
  for (std::string line; std::getline(lines, line);) {
    DRIVEROOT_ASSIGN_OR_RETURN(TimelineRequest request,
                               ParseRequest(line, power_on));
    if (request.begin < 0 || request.begin > length) continue;
    requests.push_back(std::move(request));
  }
  // The log has them by their end.
  std::ranges::sort(requests, {}, &TimelineRequest::begin);
  return requests;
}

std::string WithoutEscapes(std::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == kEscape && i + 1 < line.size() && line[i + 1] == '[') {
      // A control sequence ends with a byte from '@' to '~'.
      i += 2;
      while (i < line.size() && (line[i] < '@' || line[i] > '~')) ++i;
      continue;
    }
    if (line[i] == kEscape) {
      ++i;
      continue;
    }
    if (line[i] == '\t' || static_cast<unsigned char>(line[i]) >= ' ') {
      text += line[i];
    }
  }
  return text;
}

}  // namespace driveroot::vmtest
