// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/systemd_unit.h"

#include <set>
#include <string_view>
#include <vector>

#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kVendorFolder = "/usr/lib/systemd/system/";
constexpr std::string_view kLocalFolder = "/etc/systemd/system/";
constexpr std::string_view kStateFolder =
    "/var/lib/systemd/deb-systemd-helper-enabled/";

struct InstallSection {
  std::set<std::string> links;  // Below kLocalFolder.
  std::vector<std::string> also;
};

// "getty@.service" of "getty@tty1.service".
std::string TemplateOf(const std::string& unit) {
  const size_t at = unit.find('@');
  if (at == std::string::npos) return unit;
  return unit.substr(0, at + 1) + unit.substr(unit.rfind('.'));
}

InstallSection ParseInstallSection(std::string_view text,
                                   const std::string& unit) {
  InstallSection section;
  bool inside = false;
  for (const std::string& line : SplitLines(text)) {
    if (line.starts_with('[')) inside = line == "[Install]";
    const size_t equals = line.find('=');
    if (!inside || equals == std::string::npos) continue;
    const std::string key(StripSpaces(line.substr(0, equals)));
    for (const std::string& value : SplitWords(line.substr(equals + 1))) {
      if (key == "WantedBy") section.links.insert(value + ".wants/" + unit);
      if (key == "RequiredBy") {
        section.links.insert(value + ".requires/" + unit);
      }
      if (key == "Alias") section.links.insert(value);
      if (key == "Also") section.also.push_back(value);
    }
  }
  return section;
}

// Enables `unit` alone and adds its links to `all_links`; returns what else it
// wants to be enabled.
Result<std::vector<std::string>> EnableOne(const std::string& unit, Tree* tree,
                                           std::set<std::string>* all_links) {
  const std::string path = std::string(kVendorFolder) + TemplateOf(unit);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, tree->ReadFile(path));
  InstallSection section = ParseInstallSection(text, unit);
  for (const std::string& link : section.links) {
    tree->AddSymlink(std::string(kLocalFolder) + link, path);
  }
  all_links->merge(section.links);
  return section.also;
}

}  // namespace

Status EnableUnit(const std::string& unit, bool as_package, Tree* tree) {
  std::set<std::string> links;
  std::set<std::string> done;
  std::vector<std::string> pending = {unit};
  while (!pending.empty()) {
    const std::string next = pending.back();
    pending.pop_back();
    if (!done.insert(next).second) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<std::string> also,
                               EnableOne(next, tree, &links));
    pending.insert(pending.end(), also.begin(), also.end());
  }
  if (links.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                unit + " has no [Install] section that enables it");
  }
  if (!as_package) return {};
  std::string record;
  for (const std::string& link : links) {
    record += std::string(kLocalFolder) + link + "\n";
    tree->AddFile(std::string(kStateFolder) + link, "");
  }
  tree->AddFile(std::string(kStateFolder) + unit + ".dsh-also", record);
  return {};
}

}  // namespace driveroot
