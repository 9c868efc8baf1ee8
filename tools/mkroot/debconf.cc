// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "tools/mkroot/generators.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kInfoFolder = "/var/lib/dpkg/info";
constexpr std::string_view kSuffix = ".templates";
constexpr std::string_view kDatabaseFolder = "/var/cache/debconf/";

// The fields of one template, in lower case but for the first letter.
using Fields = std::map<std::string, std::string>;

// A template's long description on one line, as debconf keeps it: paragraphs
// are filled, indented lines stand alone.
std::string JoinExtended(const std::vector<std::string>& lines) {
  std::string text;
  bool line_stands_alone = true;
  for (const std::string& line : lines) {
    // The first blank only marks the continuation.
    const std::string body = line.substr(1);
    if (StripSpaces(body) == ".") {
      text += "\\n\\n";
      line_stands_alone = true;
    } else if (body.starts_with(' ') || body.starts_with('\t')) {
      if (!text.empty() && !text.ends_with("\\n")) text += "\\n";
      text += body + "\\n";
      line_stands_alone = true;
    } else {
      if (!line_stands_alone) text += " ";
      text += StripSpaces(body);
      line_stands_alone = false;
    }
  }
  while (text.ends_with("\\n")) text.erase(text.size() - 2);
  return text;
}

// The paragraphs of a templates file. Translations are left out, like all
// translations of the tree.
std::vector<Fields> ParseTemplates(std::string_view text) {
  std::vector<Fields> templates(1);
  std::vector<std::string> extended;
  std::string field;
  const auto finish = [&] {
    if (!extended.empty()) {
      templates.back()["Extended_description"] = JoinExtended(extended);
    }
    extended.clear();
    field.clear();
  };
  for (const std::string& line : SplitLines(text)) {
    if (StripSpaces(line).empty()) {
      finish();
      if (!templates.back().empty()) templates.emplace_back();
    } else if (line.starts_with(' ') || line.starts_with('\t')) {
      if (field == "Description") extended.push_back(line);
    } else if (!line.starts_with('#')) {
      const size_t colon = line.find(':');
      if (colon == std::string::npos) continue;
      field = line.substr(0, colon);
      if (field.find('-') == std::string::npos && field[0] != '_') {
        templates.back()[field] = StripSpaces(line.substr(colon + 1));
      }
    }
  }
  finish();
  if (templates.back().empty()) templates.pop_back();
  return templates;
}

}  // namespace

Status GenerateDebconf(Tree* tree) {
  std::map<std::string, std::string> questions;
  std::map<std::string, std::string> templates;
  for (const std::string& path : tree->List(kInfoFolder)) {
    if (!path.ends_with(kSuffix)) continue;
    std::string package = path.substr(kInfoFolder.size());
    package.resize(package.size() - kSuffix.size());
    package.resize(std::min(package.find(':'), package.size()));
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, tree->ReadFile(path));
    for (Fields& fields : ParseTemplates(text)) {
      const auto name = fields.extract("Template");
      if (name.empty()) {
        return Fail(ErrorCode::kDataLoss, path + ": a template has no name");
      }
      const std::string& template_name = name.mapped();
      questions[template_name] = "Name: " + template_name +
                                 "\nTemplate: " + template_name +
                                 "\nOwners: " + package + "\n";
      std::string record = "Name: " + template_name + "\n";
      for (const auto& [field, value] : fields) {
        record += field + ": " + value + "\n";
      }
      templates[template_name] = record + "Owners: " + template_name + "\n";
    }
  }
  const std::string folder(kDatabaseFolder);
  std::string text;
  for (const auto& [name, question] : questions) text += question + "\n";
  tree->AddFile(folder + "config.dat", std::exchange(text, ""));
  for (const auto& [name, record] : templates) text += record + "\n";
  tree->AddFile(folder + "templates.dat", std::move(text));
  // Passwords alone go there, so that the rest may be read by all.
  tree->AddFile(folder + "passwords.dat", "");
  tree->Find(folder + "passwords.dat")->entry.mode = 0600;
  return {};
}

}  // namespace driveroot
