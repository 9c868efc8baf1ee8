// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tools/mkroot/generators.h"
#include "tools/mkroot/string_table.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kSource = "/usr/lib/systemd/catalog";
constexpr std::string_view kTarget = "/var/lib/systemd/catalog/database";

// The file format: src/libsystemd/sd-journal/catalog.c of systemd.
constexpr std::string_view kSignature = "RHHHKSLP";
constexpr size_t kHeaderSize = 40;
constexpr size_t kLanguageSize = 32;
constexpr size_t kItemSize = 16 + kLanguageSize + 8;
constexpr size_t kIdDigits = 32;

// 16 bytes of identifier and a language padded with NULs: sorts as the
// database's items do.
using Key = std::string;

std::optional<std::string> ParseId(std::string_view digits) {
  std::string id;
  for (size_t i = 0; i < kIdDigits; i += 2) {
    int byte = 0;
    for (const char c : digits.substr(i, 2)) {
      const bool letter = c >= 'a' && c <= 'f';
      if (!letter && (c < '0' || c > '9')) return std::nullopt;
      byte = byte * 16 + (letter ? c - 'a' + 10 : c - '0');
    }
    id += static_cast<char>(byte);
  }
  return id;
}

// "de" of "systemd.de.catalog", "" of "systemd.catalog".
std::string LanguageOfFile(const std::string& path) {
  std::string_view name = path;
  name.remove_prefix(name.rfind('/') + 1);
  name.remove_suffix(std::string_view(".catalog").size());
  const size_t dot = name.rfind('.');
  return std::string(dot == std::string_view::npos ? "" : name.substr(dot + 1));
}

// The key of a line "-- IDENTIFIER [LANGUAGE]", which begins an entry.
std::optional<Key> ParseEntryStart(std::string_view line,
                                   const std::string& file_language) {
  if (!line.starts_with("-- ") || line.size() < 3 + kIdDigits) {
    return std::nullopt;
  }
  const auto id = ParseId(line.substr(3, kIdDigits));
  std::string_view rest = line.substr(3 + kIdDigits);
  if (!id || (!rest.empty() && rest[0] != ' ')) return std::nullopt;
  rest = StripSpaces(rest);
  std::string language = rest.empty() ? file_language : std::string(rest);
  language.resize(kLanguageSize);
  return *id + language;
}

Status ReadCatalog(const std::string& path, std::string_view text,
                   std::vector<std::pair<Key, std::string>>* entries) {
  bool after_empty_line = true;
  bool in_entry = false;
  for (const std::string& line : SplitLines(text)) {
    if (line.empty()) {
      after_empty_line = true;
      continue;
    }
    if (line[0] == '#' || line[0] == ';') continue;
    if (after_empty_line) {
      if (const auto key = ParseEntryStart(line, LanguageOfFile(path))) {
        entries->emplace_back(*key, "");
        in_entry = true;
        after_empty_line = false;
        continue;
      }
    }
    if (!in_entry) {
      return Fail(ErrorCode::kDataLoss, path + ": text before any entry");
    }
    std::string& message = entries->back().second;
    if (after_empty_line) message += '\n';
    message += line + "\n";
    after_empty_line = false;
  }
  return {};
}

}  // namespace

Status GenerateMessageCatalog(Tree* tree) {
  std::vector<std::pair<Key, std::string>> entries;
  for (const std::string& path : tree->List(kSource)) {
    if (!path.ends_with(".catalog")) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, tree->ReadFile(path));
    DRIVEROOT_RETURN_IF_ERROR(ReadCatalog(path, text, &entries));
  }
  StringTable strings;
  std::map<Key, uint64_t> items;
  for (const auto& [key, message] : entries) {
    if (!items.emplace(key, strings.Add(message)).second) {
      return Fail(ErrorCode::kNotSupported,
                  "two message catalogs have an entry of the same identifier");
    }
  }
  std::string database(kSignature);
  AppendLittleEndian(0, 8, &database);  // Compatible and incompatible flags.
  AppendLittleEndian(kHeaderSize, 8, &database);
  AppendLittleEndian(items.size(), 8, &database);
  AppendLittleEndian(kItemSize, 8, &database);
  for (const auto& [key, offset] : items) {
    database += key;
    AppendLittleEndian(offset, 8, &database);
  }
  tree->AddFile(kTarget, database + strings.bytes());
  return {};
}

}  // namespace driveroot
