// SPDX-License-Identifier: Apache-2.0
#include "tools/mkcpio/spec.h"

#include <charconv>
#include <cstddef>
#include <format>
#include <set>
#include <span>
#include <utility>

namespace driveroot {
namespace {

std::vector<std::string_view> SplitWords(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  while (true) {
    const size_t start = line.find_first_not_of(kBlanks);
    if (start == line.npos || line[start] == '#') return words;
    line.remove_prefix(start);
    const size_t length = line.find_first_of(kBlanks);
    words.push_back(line.substr(0, length));
    if (length == line.npos) return words;
    line.remove_prefix(length);
  }
}

Result<uint32_t> ParseNumber(std::string_view word, int base, uint32_t limit,
                             std::string_view what) {
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc() || end != word.data() + word.size() ||
      value > limit) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("{} is no {}", word, what));
  }
  return value;
}

Status ParseOwnership(std::span<const std::string_view> words,
                      CpioEntry& entry) {
  DRIVEROOT_ASSIGN_OR_RETURN(entry.permissions,
                             ParseNumber(words[0], 8, 07777, "octal mode"));
  DRIVEROOT_ASSIGN_OR_RETURN(entry.uid,
                             ParseNumber(words[1], 10, UINT32_MAX, "user id"));
  DRIVEROOT_ASSIGN_OR_RETURN(entry.gid,
                             ParseNumber(words[2], 10, UINT32_MAX, "group id"));
  return {};
}

Status ParseDevice(std::span<const std::string_view> words, CpioEntry& entry) {
  if (words[0] != "c" && words[0] != "b") {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("{} is no kind of device: c or b", words[0]));
  }
  entry.type = words[0] == "c" ? CpioEntry::Type::kCharacterDevice
                               : CpioEntry::Type::kBlockDevice;
  DRIVEROOT_ASSIGN_OR_RETURN(entry.device_major,
                             ParseNumber(words[1], 10, 4095, "major number"));
  DRIVEROOT_ASSIGN_OR_RETURN(
      entry.device_minor, ParseNumber(words[2], 10, 1048575, "minor number"));
  return {};
}

Status CheckPath(std::string_view path) {
  const bool has_bad_part = path.contains("//") || path.contains("/./") ||
                            path.contains("/../") || path.ends_with("/.") ||
                            path.ends_with("/..");
  if (!path.starts_with('/') || path.ends_with('/') || has_bad_part) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("{} is no absolute path in its plain form", path));
  }
  return {};
}

// The number of words after the kind, or 0 for an unknown kind.
size_t ArgumentCount(std::string_view kind) {
  if (kind == "dir") return 4;
  if (kind == "file" || kind == "slink") return 5;
  if (kind == "nod") return 7;
  return 0;
}

Result<CpioEntry> ParseLine(std::span<const std::string_view> words) {
  const std::string_view kind = words[0];
  words = words.subspan(1);
  const size_t expected = ArgumentCount(kind);
  if (expected == 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        std::format("{} is no kind of entry: dir, file, slink or nod", kind));
  }
  if (words.size() != expected) {
    return Fail(
        ErrorCode::kInvalidArgument,
        std::format("{} takes {} words, not {}", kind, expected, words.size()));
  }
  CpioEntry entry;
  entry.path = words[0];
  DRIVEROOT_RETURN_IF_ERROR(CheckPath(words[0]));
  if (kind == "dir") {
    DRIVEROOT_RETURN_IF_ERROR(ParseOwnership(words.subspan(1), entry));
  } else if (kind == "nod") {
    DRIVEROOT_RETURN_IF_ERROR(ParseOwnership(words.subspan(1), entry));
    DRIVEROOT_RETURN_IF_ERROR(ParseDevice(words.subspan(4), entry));
  } else {
    entry.type =
        kind == "file" ? CpioEntry::Type::kFile : CpioEntry::Type::kSymlink;
    entry.source = words[1];
    DRIVEROOT_RETURN_IF_ERROR(ParseOwnership(words.subspan(2), entry));
  }
  return entry;
}

}  // namespace

Result<std::vector<CpioEntry>> ParseCpioSpec(std::string_view text) {
  std::vector<CpioEntry> entries;
  std::set<std::string> paths;
  std::set<std::string> folders = {""};
  int line_number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::vector<std::string_view> words = SplitWords(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const std::string where = std::format("line {}", ++line_number);
    if (words.empty()) continue;

    Result<CpioEntry> entry = ParseLine(words);
    if (!entry) return std::unexpected(entry.error().WithContext(where));
    if (!folders.contains(entry->path.substr(0, entry->path.rfind('/')))) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{}: no line before it makes the folder of {}",
                              where, entry->path));
    }
    if (!paths.insert(entry->path).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{}: {} comes twice", where, entry->path));
    }
    if (entry->type == CpioEntry::Type::kDirectory) folders.insert(entry->path);
    entries.push_back(*std::move(entry));
  }
  return entries;
}

}  // namespace driveroot
