// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/manifest.h"

#include <charconv>
#include <map>
#include <utility>

#include "tools/mkroot/generators.h"
#include "tools/mkroot/systemd_unit.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

// The numbers of words, the directive's own included.
struct WordCount {
  size_t least;
  size_t most;
};

const std::map<std::string, WordCount, std::less<>>& KnownDirectives() {
  static const auto& known = *new std::map<std::string, WordCount, std::less<>>{
      {"accounts", {3, 3}},     {"alternative", {5, 5}},
      {"copy", {3, 6}},         {"directory", {5, 5}},
      {"enable", {2, 2}},       {"file", {5, 5}},
      {"generate", {2, 2}},     {"password", {3, 3}},
      {"path-exclude", {2, 2}}, {"path-include", {2, 2}},
      {"permissions", {5, 5}},  {"slave", {4, 4}},
      {"statoverride", {5, 5}}, {"substitute", {4, 4}},
      {"symlink", {3, 3}},      {"systemctl-enable", {2, 2}},
      {"sysusers", {2, 2}},
  };
  return known;
}

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<uint32_t> ParseMode(std::string_view text) {
  uint32_t mode = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() ||
      mode > 07777) {
    return Bad("\"" + std::string(text) + "\" is no mode");
  }
  return mode;
}

// words: directive, PATH, MODE, USER, GROUP.
Result<TarEntry> MakeEntry(const std::vector<std::string>& words, TarType type,
                           TarTime time) {
  TarEntry entry;
  entry.path = TreePath(words[1]);
  entry.type = type;
  DRIVEROOT_ASSIGN_OR_RETURN(entry.mode, ParseMode(words[2]));
  entry.user = words[3];
  entry.group = words[4];
  entry.modified = time;
  return entry;
}

// Replaces \n and \t by what they stand for.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == 'n' || next == 't')) {
      plain += next == 'n' ? '\n' : '\t';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

Status CheckDirective(const Directive& directive) {
  const auto known = KnownDirectives().find(directive.words[0]);
  if (known == KnownDirectives().end()) {
    return Bad(directive.location + ": unknown directive \"" +
               directive.words[0] + "\"");
  }
  if (directive.words.size() < known->second.least ||
      directive.words.size() > known->second.most) {
    return Bad(directive.location + ": wrong number of words for \"" +
               directive.words[0] + "\"");
  }
  return {};
}

}  // namespace

Result<std::vector<Directive>> ParseManifest(std::string_view name,
                                             std::string_view text) {
  std::vector<Directive> directives;
  size_t number = 0;
  for (const std::string& line : SplitLines(text)) {
    const std::string location =
        std::string(name) + ":" + std::to_string(++number);
    std::string_view stripped = StripSpaces(line);
    if (stripped.empty() || stripped.starts_with('#')) continue;
    if (stripped.starts_with('|')) {
      if (directives.empty() || directives.back().words[0] != "file") {
        return Bad(location + ": a line of contents below no \"file\"");
      }
      // Blanks at a line's end are contents.
      std::string contents = line.substr(line.find('|') + 1);
      if (contents.starts_with(' ')) contents.erase(0, 1);
      directives.back().contents += contents + "\n";
      continue;
    }
    directives.push_back({location, SplitWords(stripped), ""});
    DRIVEROOT_RETURN_IF_ERROR(CheckDirective(directives.back()));
  }
  return directives;
}

PathFilter FilterOf(const std::vector<Directive>& directives) {
  PathFilter filter;
  for (const Directive& directive : directives) {
    if (directive.words[0] == "path-exclude") {
      filter.Exclude(directive.words[1]);
    } else if (directive.words[0] == "path-include") {
      filter.Include(directive.words[1]);
    }
  }
  return filter;
}

Status ManifestRunner::Run(const std::vector<Directive>& directives) {
  for (const Directive& directive : directives) {
    if (Status done = RunOne(directive); !done) {
      return std::unexpected(done.error().WithContext(directive.location));
    }
  }
  return FlushAlternative();
}

Status ManifestRunner::RunOne(const Directive& directive) {
  const std::vector<std::string>& words = directive.words;
  const std::string& verb = words[0];
  if (verb == "slave" || verb == "alternative") {
    return RunAlternative(directive);
  }
  DRIVEROOT_RETURN_IF_ERROR(FlushAlternative());
  if (verb == "path-exclude" || verb == "path-include") {
    return {};  // Done while the packages were installed.
  }
  if (verb == "accounts" || verb == "sysusers" || verb == "password") {
    return RunAccountDirective(directive);
  }
  if (verb == "enable") return EnableUnit(words[1], true, tree_);
  if (verb == "systemctl-enable") return EnableUnit(words[1], false, tree_);
  if (verb == "generate") return Generate(words[1], tree_);
  return RunFileDirective(directive);
}

Status ManifestRunner::RunFileDirective(const Directive& directive) {
  const std::vector<std::string>& words = directive.words;
  const std::string& verb = words[0];
  if (verb == "directory") {
    const Node* present = tree_->Find(words[1]);
    if (present != nullptr && present->entry.type == TarType::kDirectory) {
      return SetPermissions(words);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(
        TarEntry entry, MakeEntry(words, TarType::kDirectory, tree_->time()));
    tree_->Add(std::move(entry), "");
    return {};
  }
  if (verb == "file") {
    DRIVEROOT_ASSIGN_OR_RETURN(TarEntry entry,
                               MakeEntry(words, TarType::kFile, tree_->time()));
    tree_->Add(std::move(entry), directive.contents);
    return {};
  }
  if (verb == "symlink") {
    tree_->AddSymlink(words[1], words[2]);
    return {};
  }
  if (verb == "copy") return Copy(words);
  if (verb == "substitute") return Substitute(words);
  DRIVEROOT_RETURN_IF_ERROR(SetPermissions(words));
  if (verb == "statoverride") {
    AddStatOverride(words[1], words[2], words[3], words[4], tree_);
  }
  return {};
}

Status ManifestRunner::RunAccountDirective(const Directive& directive) {
  const std::vector<std::string>& words = directive.words;
  if (words[0] == "password") return accounts_->SetPassword(words[1], words[2]);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string first,
                             tree_->ReadFile(words[1]));
  if (words[0] == "sysusers") return accounts_->AddSysusers(first);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string group,
                             tree_->ReadFile(words[2]));
  return accounts_->AddMaster(first, group);
}

Status ManifestRunner::RunAlternative(const Directive& directive) {
  const std::vector<std::string>& words = directive.words;
  if (words[0] == "alternative") {
    DRIVEROOT_RETURN_IF_ERROR(FlushAlternative());
    alternative_ = {words[1], words[2], words[3], words[4], {}};
    return {};
  }
  if (alternative_.name.empty()) return Bad("a slave without an alternative");
  alternative_.slaves[words[1]] = {words[2], words[3]};
  return {};
}

Status ManifestRunner::FlushAlternative() {
  if (alternative_.name.empty()) return {};
  return InstallAlternative(std::exchange(alternative_, {}), tree_);
}

Status ManifestRunner::Copy(const std::vector<std::string>& words) {
  const Node* from = tree_->Resolve(words[1]);
  if (from == nullptr || from->entry.type != TarType::kFile) {
    return Fail(ErrorCode::kNotFound, words[1] + " is no file of the tree");
  }
  TarEntry entry = from->entry;
  entry.path = TreePath(words[2]);
  tree_->Add(std::move(entry), std::string(from->contents));
  if (words.size() == 3) return {};
  if (words.size() != 6) return Bad("copy takes MODE USER GROUP or none");
  return SetPermissions({words[0], words[2], words[3], words[4], words[5]});
}

Status ManifestRunner::Substitute(const std::vector<std::string>& words) {
  Node* node = tree_->Find(words[1]);
  if (node == nullptr || node->entry.type != TarType::kFile) {
    return Fail(ErrorCode::kNotFound, words[1] + " is no file of the tree");
  }
  const std::string old_text = Unescape(words[2]);
  const size_t found = node->contents.find(old_text);
  // The package's text may change: better to fail than to do nothing.
  if (old_text.empty() || found == std::string::npos ||
      node->contents.find(old_text, found + 1) != std::string::npos) {
    return Bad("\"" + words[2] + "\" does not occur exactly once in " +
               words[1]);
  }
  node->contents.replace(found, old_text.size(), Unescape(words[3]));
  node->entry.size = node->contents.size();
  node->entry.modified = tree_->time();
  return {};
}

Status ManifestRunner::SetPermissions(const std::vector<std::string>& words) {
  Node* node = tree_->Find(words[1]);
  if (node == nullptr) {
    return Fail(ErrorCode::kNotFound, words[1] + " is not in the tree");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(node->entry.mode, ParseMode(words[2]));
  node->entry.user = words[3];
  node->entry.group = words[4];
  return {};
}

}  // namespace driveroot
