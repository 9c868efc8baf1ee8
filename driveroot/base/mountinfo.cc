// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/mountinfo.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

// Before the " - " of a line: id, parent, device, root, target, options...
constexpr size_t kDeviceField = 2;
constexpr size_t kTargetField = 4;
constexpr size_t kMinFields = 6;
// After it: type, source, the options of the file system.
constexpr size_t kSuperOptionsField = 2;

constexpr char kMountinfo[] = "/proc/self/mountinfo";
constexpr uint64_t kMaxMountinfoBytes = 16 << 20;

std::vector<std::string_view> SplitFields(std::string_view text) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    const size_t end = text.find(' ');
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return fields;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blanks, line ends and backslashes as \ooo.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) &&
        IsOctal(text[i + 2]) && IsOctal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 +
                                 (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// From "rw,user_id=1000,group_id=1000".
std::optional<uid_t> OwnerFrom(std::string_view options) {
  constexpr std::string_view kKey = "user_id=";
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(option.size() + 1, options.size()));
    if (!option.starts_with(kKey)) continue;
    const std::string_view digits = option.substr(kKey.size());
    uid_t owner = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), owner);
    if (error == std::errc() && end == digits.data() + digits.size()) {
      return owner;
    }
  }
  return std::nullopt;
}

std::optional<MountEntry> ParseLine(std::string_view line) {
  const size_t separator = line.find(" - ");
  if (separator == line.npos) return std::nullopt;
  const std::vector<std::string_view> before =
      SplitFields(line.substr(0, separator));
  const std::vector<std::string_view> after =
      SplitFields(line.substr(separator + 3));
  if (before.size() < kMinFields || after.empty()) return std::nullopt;
  return MountEntry{
      .device = std::string(before[kDeviceField]),
      .target = Unescape(before[kTargetField]),
      .type = std::string(after[0]),
      .owner = after.size() > kSuperOptionsField
                   ? OwnerFrom(after[kSuperOptionsField])
                   : std::nullopt,
  };
}

bool IsAtOrBelow(std::string_view target, std::string_view folder) {
  return target == folder || (target.starts_with(folder) &&
                              target.substr(folder.size()).starts_with('/'));
}

}  // namespace

std::vector<MountEntry> ParseMountinfo(std::string_view text) {
  std::vector<MountEntry> mounts;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::optional<MountEntry> entry = ParseLine(text.substr(0, end));
    if (entry) mounts.push_back(*std::move(entry));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return mounts;
}

Result<std::vector<MountEntry>> ReadMountinfo() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(kMountinfo, kMaxMountinfoBytes));
  return ParseMountinfo(text);
}

std::string DeviceName(dev_t device) {
  return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

std::vector<std::string> UnmountOrder(const std::vector<MountEntry>& mounts,
                                      std::string_view folder) {
  std::vector<std::string> targets;
  for (const MountEntry& mount : mounts) {
    if (IsAtOrBelow(mount.target, folder)) targets.push_back(mount.target);
  }
  std::ranges::reverse(targets);
  // A moved mount keeps its place in the file, before what it now lies on.
  std::ranges::stable_sort(targets, [](const auto& left, const auto& right) {
    return std::ranges::count(left, '/') > std::ranges::count(right, '/');
  });
  return targets;
}

}  // namespace driveroot
