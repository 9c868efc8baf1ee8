// SPDX-License-Identifier: Apache-2.0
#include "kernelcfg/config_tool/kernel_config.h"

#include <algorithm>
#include <format>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::kernelcfg {
namespace {

constexpr std::string_view kOptionPrefix = "CONFIG_";
constexpr std::string_view kUnsetPrefix = "# CONFIG_";
constexpr std::string_view kUnsetSuffix = " is not set";

using AssignmentsByOption =
    std::map<std::string, const Assignment*, std::less<>>;

bool IsOptionName(std::string_view name) {
  return name.size() > kOptionPrefix.size() &&
         name.starts_with(kOptionPrefix) &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  (c >= '0' && c <= '9') || c == '_';
         });
}

bool IsQuoted(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"';
}

// A tristate, a number with an optional sign or 0x, or quoted text.
bool IsValue(std::string_view value) {
  return IsQuoted(value) || value == "y" || value == "m" || value == "n" ||
         (!value.empty() && std::ranges::all_of(value, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                  (c >= 'A' && c <= 'F') || c == 'x' || c == 'X' || c == '-';
         }));
}

// The option and value that a line sets; nothing if it is of neither kind.
std::optional<std::pair<std::string_view, std::string_view>> SplitAssignment(
    std::string_view line) {
  if (line.starts_with(kUnsetPrefix) && line.ends_with(kUnsetSuffix)) {
    line.remove_prefix(kUnsetPrefix.size() - kOptionPrefix.size());
    line.remove_suffix(kUnsetSuffix.size());
    if (!IsOptionName(line)) return std::nullopt;
    return std::pair(line, std::string_view("n"));
  }
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view option = line.substr(0, equals);
  const std::string_view value = line.substr(equals + 1);
  if (!IsOptionName(option) || !IsValue(value)) return std::nullopt;
  return std::pair(option, value);
}

// Where an option is set twice the last one counts, as in the kernel's tools.
AssignmentsByOption IndexByOption(const std::vector<Assignment>& assignments) {
  AssignmentsByOption index;
  for (const Assignment& assignment : assignments) {
    index.insert_or_assign(assignment.option, &assignment);
  }
  return index;
}

// The value an option has in a configuration: n where it is absent.
std::string_view ValueOf(const AssignmentsByOption& settings,
                         std::string_view option) {
  const auto found = settings.find(option);
  if (found == settings.end()) return "n";
  return found->second->value;
}

// One line about a request that `settings` do not fulfil.
std::string DescribeDropped(const Assignment& request,
                            const AssignmentsByOption& settings) {
  std::string_view got = ValueOf(settings, request.option);
  if (!settings.contains(request.option)) {
    got =
        "nothing: its dependencies are not met, or this kernel has no such "
        "option";
  } else if (got == "n") {
    got = "\"is not set\"";
  }
  return std::format("  {}: wanted {}={}, got {}\n", request.place,
                     request.option, request.value, got);
}

}  // namespace

std::string Assignment::ToLine() const {
  if (value == "n") return std::format("# {} is not set", option);
  return std::format("{}={}", option, value);
}

Result<std::vector<Assignment>> ParseConfig(std::string_view text,
                                            std::string_view file) {
  std::vector<Assignment> assignments;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const auto parts = SplitAssignment(line)) {
      assignments.push_back({.option = std::string(parts->first),
                             .value = std::string(parts->second),
                             .place = std::format("{}:{}", file, number)});
    } else if (!line.empty() && !line.starts_with('#')) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{}:{}: neither CONFIG_NAME=VALUE nor \"# "
                              "CONFIG_NAME is not set\" nor a comment: {}",
                              file, number, line));
    }
  }
  return assignments;
}

Result<std::vector<Assignment>> JoinFragments(
    const std::vector<std::vector<Assignment>>& fragments) {
  std::vector<Assignment> joined;
  std::map<std::string, size_t, std::less<>> positions;
  std::string conflicts;
  for (const std::vector<Assignment>& fragment : fragments) {
    for (const Assignment& request : fragment) {
      const auto [found, is_new] =
          positions.try_emplace(request.option, joined.size());
      if (is_new) {
        joined.push_back(request);
        continue;
      }
      const Assignment& first = joined[found->second];
      if (first.value == request.value) continue;
      conflicts += std::format("  {}: {} sets it to {}, {} sets it to {}\n",
                               request.option, first.place, first.value,
                               request.place, request.value);
    }
  }
  if (conflicts.empty()) return joined;
  return Fail(ErrorCode::kInvalidArgument,
              "kernel configuration fragments disagree; keep one of each:\n" +
                  conflicts);
}

std::string Overlay(const std::vector<Assignment>& base,
                    const std::vector<Assignment>& requests) {
  const AssignmentsByOption requested = IndexByOption(requests);
  std::string text;
  for (const Assignment& assignment : base) {
    if (!requested.contains(assignment.option)) {
      text += assignment.ToLine() + "\n";
    }
  }
  for (const Assignment& request : requests) text += request.ToLine() + "\n";
  return text;
}

Status Check(const std::vector<Assignment>& config,
             const std::vector<Assignment>& requests) {
  const AssignmentsByOption settings = IndexByOption(config);
  std::string dropped;
  for (const Assignment& request : requests) {
    if (ValueOf(settings, request.option) != request.value) {
      dropped += DescribeDropped(request, settings);
    }
  }
  if (dropped.empty()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "options that kernel configuration fragments request did not survive:\n" +
          dropped +
          "Request what they depend on as well, or request them no longer. "
          "`bazel run //kernelcfg:menuconfig` shows an option's dependencies: "
          "press / and type its name.\n");
}

std::string Difference(const std::vector<Assignment>& before,
                       const std::vector<Assignment>& after) {
  const AssignmentsByOption old_settings = IndexByOption(before);
  const AssignmentsByOption new_settings = IndexByOption(after);
  std::map<std::string, std::string> lines;
  for (const auto& [option, setting] : new_settings) {
    if (setting->value != ValueOf(old_settings, option)) {
      lines[option] = setting->ToLine();
    }
  }
  for (const auto& [option, setting] : old_settings) {
    if (setting->value != "n" && !new_settings.contains(option)) {
      lines[option] =
          Assignment{.option = option, .value = "n", .place = ""}.ToLine();
    }
  }
  std::string text;
  for (const auto& [option, line] : lines) text += line + "\n";
  return text;
}

}  // namespace driveroot::kernelcfg
