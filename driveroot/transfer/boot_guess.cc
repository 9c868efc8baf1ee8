// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/boot_guess.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <sstream>
#include <utility>

#include "driveroot/transfer/elf_needs.h"

namespace driveroot {
namespace {

// Larger ones are archives and data, of which a boot reads little.
constexpr uint64_t kMaxFileBytes = 16 << 20;
// Settings are smaller than this, what is generated from them is not.
constexpr uint64_t kMaxSettingBytes = 64 << 10;
// As many as Linux follows.
constexpr int kMaxLinks = 40;

// Where what a boot reads lies, by the Filesystem Hierarchy Standard and
// systemd's file-hierarchy(7), with and without a merged /usr.
constexpr std::array<std::string_view, 11> kFolders = {"bin/",
                                                       "etc/",
                                                       "lib/",
                                                       "lib64/",
                                                       "sbin/",
                                                       "usr/bin/",
                                                       "usr/lib/",
                                                       "usr/lib64/",
                                                       "usr/sbin/",
                                                       "usr/libexec/",
                                                       "usr/share/dbus-1/"};
// Of these, what is read by other programs, or by the kernel before this.
constexpr std::array<std::string_view, 3> kOtherFolders = {
    "lib/modules/", "usr/lib/modules/", "usr/lib/firmware/"};

constexpr std::array<std::string_view, 2> kUnitFolders = {
    "etc/systemd/system/", "usr/lib/systemd/system/"};

// Read from one end to the other at each boot by systemd and its helpers.
constexpr std::array<std::string_view, 9> kSettings = {
    "usr/lib/systemd/network/", "usr/lib/modules-load.d/",
    "usr/lib/modprobe.d/",      "usr/lib/sysctl.d/",
    "usr/lib/sysusers.d/",      "usr/lib/tmpfiles.d/",
    "usr/lib/udev/rules.d/",    "usr/lib/environment.d/",
    "usr/share/dbus-1/"};

bool StartsWithAny(std::string_view path, const auto& folders) {
  return std::ranges::any_of(folders, [path](std::string_view folder) {
    return path.starts_with(folder);
  });
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : path.substr(0, slash);
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

// Lines without comments.
std::vector<std::string> LinesOf(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    lines.push_back(line.substr(first));
  }
  return lines;
}

// "getty@tty1.service" is made from "getty@.service".
std::optional<std::string> TemplateOf(std::string_view unit) {
  const size_t at = unit.find('@');
  const size_t dot = unit.rfind('.');
  if (at == std::string_view::npos || dot == std::string_view::npos ||
      dot <= at + 1) {
    return std::nullopt;
  }
  return std::string(unit.substr(0, at + 1)) + std::string(unit.substr(dot));
}

// What a line of a unit means here.
struct UnitLine {
  bool pulls_in = false;
  bool starts = false;
  bool hardly_ever_holds = false;
};

UnitLine MeaningOf(std::string_view key) {
  constexpr std::array<std::string_view, 7> kPullIn = {
      "Requires", "Requisite", "Wants",  "BindsTo",
      "Upholds",  "Sockets",   "Service"};
  constexpr std::array<std::string_view, 3> kStart = {
      "ExecCondition", "ExecStartPre", "ExecStart"};
  // Asked of machines of certain kinds, or of boots that are asked for.
  constexpr std::array<std::string_view, 4> kRare = {
      "ConditionSecurity", "ConditionKernelCommandLine", "ConditionFirstBoot",
      "ConditionNeedsUpdate"};
  return {.pulls_in = std::ranges::contains(kPullIn, key),
          .starts = std::ranges::contains(kStart, key),
          .hardly_ever_holds = std::ranges::contains(kRare, key)};
}

}  // namespace

bool BootGuess::MayBeRead(std::string_view path, uint64_t size) {
  return size <= kMaxFileBytes && StartsWithAny(path, kFolders) &&
         !StartsWithAny(path, kOtherFolders);
}

void BootGuess::AddSymlink(std::string_view path, std::string_view target) {
  links_.insert_or_assign(std::string(path), std::string(target));
}

void BootGuess::AddFile(std::string_view path, std::string_view bytes) {
  files_.insert_or_assign(std::string(path), bytes);
}

std::string BootGuess::Resolve(std::string_view path) const {
  std::deque<std::string> pending;
  const auto push_front = [&pending](std::string_view text) {
    while (!text.empty()) {
      const size_t slash = text.rfind('/');
      const bool whole = slash == std::string_view::npos;
      pending.emplace_front(text.substr(whole ? 0 : slash + 1));
      text = whole ? "" : text.substr(0, slash);
    }
  };
  push_front(path);
  std::string real;
  int links = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.front());
    pending.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      real = FolderOf(real);
      continue;
    }
    const std::string next = real.empty() ? name : real + "/" + name;
    const auto link = links_.find(next);
    if (link == links_.end()) {
      real = next;
      continue;
    }
    if (++links > kMaxLinks) return "";
    if (link->second.starts_with('/')) real.clear();
    push_front(link->second);
  }
  return files_.contains(real) ? real : "";
}

std::vector<std::string> BootGuess::Below(std::string_view folder) const {
  std::vector<std::string> paths;
  const auto collect = [&](const auto& entries) {
    for (auto entry = entries.lower_bound(folder);
         entry != entries.end() && entry->first.starts_with(folder); ++entry) {
      paths.push_back(entry->first);
    }
  };
  collect(files_);
  collect(links_);
  std::ranges::sort(paths);
  return paths;
}

void BootGuess::Take(std::string_view path) {
  const std::string real = Resolve(path);
  if (real.empty() || !is_taken_.insert(real).second) return;
  taken_.push_back(real);
  const ElfNeeds needs = ReadElfNeeds(files_.find(real)->second);
  Take(needs.interpreter);
  for (const std::string& library : needs.libraries) TakeLibrary(library);
}

void BootGuess::TakeLibrary(std::string_view name) {
  const auto found = libraries_.find(std::string(name));
  if (found != libraries_.end()) Take(found->second);
}

void BootGuess::TakeSmall(std::string_view folder) {
  for (const std::string& path : Below(folder)) {
    const auto file = files_.find(path);
    if (file != files_.end() && file->second.size() <= kMaxSettingBytes) {
      Take(path);
    }
  }
}

std::vector<std::string> BootGuess::Files() {
  const std::string init = Resolve("sbin/init");
  if (init.empty()) return {};
  for (const std::string_view folder : kFolders) {
    for (const std::string& path : Below(folder)) {
      const std::string_view name = BaseName(path);
      if (!name.contains(".so")) continue;
      // The one that is nearest to the top, where the linker looks first.
      std::string& known = libraries_[std::string(name)];
      if (known.empty() ||
          std::ranges::count(path, '/') < std::ranges::count(known, '/')) {
        known = path;
      }
    }
  }
  Take(init);
  Take("etc/ld.so.cache");
  TakeSmall("etc/");
  TakeNss();
  TakeUnits();
  for (const std::string_view folder : kSettings) TakeSmall(folder);
  for (const std::string& path : Below("usr/lib/locale/C.utf8/")) Take(path);
  TakePam();
  TakeShells();
  Take("usr/lib/udev/hwdb.bin");
  return taken_;
}

void BootGuess::TakeUnits() {
  for (const std::string& path : Below("usr/lib/systemd/system-generators/")) {
    Take(path);
  }
  // It loads few of them, but they are small, and it looks for most.
  TakeSmall("usr/lib/systemd/system/");
  // Which starts all others.
  Take("usr/lib/systemd/systemd-executor");
  std::deque<std::string> pending = {"sysinit.target", "basic.target",
                                     "default.target", "getty@tty1.service",
                                     "serial-getty@ttyS0.service"};
  std::set<std::string> seen;
  while (!pending.empty()) {
    const std::string unit = std::move(pending.front());
    pending.pop_front();
    if (!seen.insert(unit).second) continue;
    std::ranges::move(TakeUnit(unit), std::back_inserter(pending));
  }
}

void BootGuess::TakeProgram(std::string_view name) {
  if (name.contains('/')) return Take(name);
  for (const std::string_view folder : {"usr/sbin/", "usr/bin/"}) {
    Take(std::string(folder) + std::string(name));
  }
}

std::vector<std::string> BootGuess::TakeUnit(std::string_view name) {
  std::string path;
  for (const std::string_view folder : kUnitFolders) {
    if (path.empty()) path = Resolve(std::string(folder) + std::string(name));
    const std::optional<std::string> made_from = TemplateOf(name);
    if (path.empty() && made_from) {
      path = Resolve(std::string(folder) + *made_from);
    }
  }
  if (path.empty()) return {};
  Take(path);
  std::vector<std::string> units;
  std::vector<std::string> programs;
  bool is_rare = false;
  for (const std::string& line : LinesOf(files_.find(path)->second)) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const UnitLine meaning = MeaningOf(line.substr(0, equals));
    // With a bar it is one of several that may hold.
    is_rare |= meaning.hardly_ever_holds && line[equals + 1] != '|';
    const std::vector<std::string> words = WordsOf(line.substr(equals + 1));
    if (meaning.pulls_in) units.insert(units.end(), words.begin(), words.end());
    if (!meaning.starts || words.empty()) continue;
    // Marks before a program say how it is run.
    const size_t begin = words[0].find_first_not_of("@-:+!|");
    if (begin != std::string::npos) programs.push_back(words[0].substr(begin));
  }
  if (is_rare) return {};
  if (name.ends_with(".mount")) TakeProgram("mount");
  for (const std::string& program : programs) TakeProgram(program);
  // Links to a unit give it another name, as default.target is one.
  const std::string_view real_name = BaseName(path);
  for (const std::string_view folder : kUnitFolders) {
    for (const std::string_view unit : {name, real_name}) {
      for (const std::string_view kind : {".wants/", ".requires/"}) {
        const std::string links =
            std::string(folder) + std::string(unit) + std::string(kind);
        for (const std::string& link : Below(links)) {
          units.emplace_back(BaseName(link));
        }
      }
    }
  }
  // Somebody asks a socket's service soon.
  if (name.ends_with(".socket")) {
    units.push_back(std::string(name.substr(0, name.rfind('.'))) + ".service");
  }
  return units;
}

void BootGuess::TakeNss() {
  const std::string path = Resolve("etc/nsswitch.conf");
  if (path.empty()) return;
  for (const std::string& line : LinesOf(files_.find(path)->second)) {
    for (const std::string& word : WordsOf(line)) {
      TakeLibrary("libnss_" + word + ".so.2");
    }
  }
}

void BootGuess::TakePam() {
  for (const std::string_view folder : {"etc/pam.d/", "usr/lib/pam.d/"}) {
    for (const std::string& path : Below(folder)) {
      const auto file = files_.find(path);
      if (file == files_.end()) continue;
      Take(path);
      for (const std::string& line : LinesOf(file->second)) {
        for (const std::string& word : WordsOf(line)) {
          if (word.starts_with("pam_")) TakeLibrary(word);
        }
      }
    }
  }
}

// What a getty runs, what that runs for root, and what scripts are run by.
void BootGuess::TakeShells() {
  Take("bin/login");
  Take("bin/sh");
  const std::string users = Resolve("etc/passwd");
  if (users.empty()) return;
  for (const std::string& line : LinesOf(files_.find(users)->second)) {
    if (line.starts_with("root:")) Take(line.substr(line.rfind(':') + 1));
  }
}

}  // namespace driveroot
