// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/dpkg_database.h"

#include <fnmatch.h>
#include <openssl/md5.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kFolder = "/var/lib/dpkg/";

// As dpkg writes it in its lists: "/." for the top.
std::string ListedPath(const std::string& path) {
  return path == "." ? "/." : "/" + path;
}

std::string StatusParagraph(const DebianPackage& package) {
  // The Package field comes first in every control file that dpkg-deb builds.
  const size_t first_line_end = package.control.find('\n') + 1;
  std::string text = package.control.substr(0, first_line_end) +
                     "Status: install ok installed\n" +
                     package.control.substr(first_line_end);
  const std::vector<std::string> conffiles = package.Conffiles();
  if (conffiles.empty()) return text;
  text += "Conffiles:\n";
  for (const std::string& conffile : conffiles) {
    const auto member = std::ranges::find(
        package.data, TreePath(conffile),
        [](const TarMember& candidate) { return candidate.entry.path; });
    if (member == package.data.end()) continue;
    text += " " + conffile + " " + Md5Hex(member->contents) + "\n";
  }
  return text;
}

// What dpkg makes itself for a package that brings no md5sums.
std::string Md5Sums(const DebianPackage& package) {
  const std::vector<std::string> conffiles = package.Conffiles();
  std::string text;
  for (const TarMember& member : package.data) {
    if (member.entry.type != TarType::kFile ||
        std::ranges::count(conffiles, "/" + member.entry.path) != 0) {
      continue;
    }
    text += Md5Hex(member.contents) + "  " + member.entry.path + "\n";
  }
  return text;
}

}  // namespace

bool PathFilter::Excludes(const TarEntry& entry) const {
  const std::string path = "/" + entry.path;
  bool excluded = false;
  for (const Rule& rule : rules_) {
    if (fnmatch(rule.glob.c_str(), path.c_str(), 0) == 0) {
      excluded = !rule.include;
    }
  }
  if (!excluded ||
      (entry.type != TarType::kDirectory && entry.type != TarType::kSymlink)) {
    return excluded;
  }
  for (const Rule& rule : rules_) {
    std::string fixed = rule.glob.substr(0, rule.glob.find_first_of("*?[\\"));
    while (fixed.ends_with('/')) fixed.pop_back();
    if (rule.include && path.starts_with(fixed)) return false;
  }
  return true;
}

std::string PathFilter::ConfigurationText() const {
  std::string text;
  for (const Rule& rule : rules_) {
    text +=
        (rule.include ? "path-include=" : "path-exclude=") + rule.glob + "\n";
  }
  return text;
}

Status DpkgDatabase::Install(DebianPackage package, const PathFilter& filter,
                             Tree* tree) {
  status_[package.name + ":" + package.architecture] = StatusParagraph(package);
  if (package.architecture != "all") architecture_ = package.architecture;
  AddInfo(package);
  AddTriggers(package);
  std::string list;
  for (TarMember& member : package.data) {
    const TarEntry& entry = member.entry;
    list += ListedPath(entry.path) + "\n";
    if (filter.Excludes(entry)) continue;
    const Node* present = tree->Find(entry.path);
    const bool both_folders = present != nullptr &&
                              entry.type == TarType::kDirectory &&
                              present->entry.type == TarType::kDirectory;
    const auto [owner, is_new] = owners_.try_emplace(entry.path, package.name);
    // Folders are shared: the first package's mode and time stay.
    if (!is_new && both_folders) continue;
    if (!is_new) {
      return Fail(ErrorCode::kInvalidArgument,
                  "/" + entry.path + " is both in " + owner->second +
                      " and in " + package.name);
    }
    tree->Add(std::move(member.entry), std::move(member.contents));
  }
  info_[package.DatabaseName() + ".list"] = {0644, std::move(list)};
  return {};
}

void DpkgDatabase::AddInfo(const DebianPackage& package) {
  const std::string prefix = package.DatabaseName() + ".";
  for (const auto& [name, member] : package.control_files) {
    info_[prefix + name] = {member.entry.mode, member.contents};
  }
  if (!package.control_files.contains("md5sums")) {
    info_[prefix + "md5sums"] = {0644, Md5Sums(package)};
  }
}

void DpkgDatabase::AddTriggers(const DebianPackage& package) {
  for (const std::string& line : package.ControlLines("triggers")) {
    const std::vector<std::string> words = SplitWords(line);
    if (words.size() != 2 || !words[0].starts_with("interest")) continue;
    const std::string package_line =
        package.DatabaseName() +
        (words[0] == "interest-noawait" ? "/noawait" : "") + "\n";
    // A path is a trigger that files below it set off.
    if (words[1].starts_with('/')) {
      file_triggers_ += words[1] + " " + package_line;
    } else {
      triggers_[words[1]] += package_line;
    }
  }
}

void DpkgDatabase::WriteTo(Tree* tree) const {
  const std::string folder(kFolder);
  std::string status;
  for (const auto& [name, paragraph] : status_) status += paragraph + "\n";
  tree->AddFile(folder + "status", std::move(status));
  tree->AddFile(folder + "available", "");
  tree->AddFile(folder + "diversions", "");
  tree->AddFile(folder + "statoverride", "");
  tree->AddFile(folder + "arch", architecture_ + "\n");
  tree->AddFile(folder + "arch-native", architecture_ + "\n");
  tree->AddFile(folder + "info/format", "1\n");
  for (const auto& [name, file] : info_) {
    tree->AddFile(folder + "info/" + name, file.contents);
    tree->Find(folder + "info/" + name)->entry.mode = file.mode;
  }
  tree->AddFile(folder + "triggers/File", file_triggers_);
  tree->AddFile(folder + "triggers/Unincorp", "");
  for (const auto& [name, packages] : triggers_) {
    tree->AddFile(folder + "triggers/" + name, packages);
  }
  tree->AddDirectory(folder + "alternatives");
  tree->AddDirectory(folder + "parts");
  tree->AddDirectory(folder + "updates");
}

void AddStatOverride(std::string_view path, std::string_view mode,
                     std::string_view user, std::string_view group,
                     Tree* tree) {
  const std::string file = std::string(kFolder) + "statoverride";
  const Node* node = tree->Find(file);
  std::string text = node == nullptr ? "" : node->contents;
  for (const std::string_view word : {user, group, mode}) {
    text += word;
    text += ' ';
  }
  text += path;
  tree->AddFile(file, text + "\n");
}

std::string Md5Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<uint8_t, MD5_DIGEST_LENGTH> digest;
  MD5(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
      digest.data());
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace driveroot
