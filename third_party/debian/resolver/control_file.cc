// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/control_file.h"

#include <utility>

namespace driveroot::debian {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Cuts the text before the first `separator` off `rest` and returns it.
std::string_view NextPiece(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view piece = rest.substr(0, end);
  rest =
      end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return piece;
}

}  // namespace

std::vector<Stanza> ParseControlFile(std::string_view text) {
  std::vector<Stanza> stanzas;
  Stanza stanza;
  std::string* field = nullptr;
  while (!text.empty()) {
    const std::string_view line = NextPiece(text, '\n');
    if (Trim(line).empty()) {
      if (!stanza.empty()) stanzas.push_back(std::exchange(stanza, {}));
      field = nullptr;
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (field != nullptr) field->append("\n").append(Trim(line));
    } else if (const size_t colon = line.find(':');
               colon != std::string_view::npos) {
      field = &stanza[std::string(line.substr(0, colon))];
      *field = Trim(line.substr(colon + 1));
    }
  }
  if (!stanza.empty()) stanzas.push_back(std::move(stanza));
  return stanzas;
}

std::string_view Field(const Stanza& stanza, std::string_view name) {
  const auto found = stanza.find(name);
  return found == stanza.end() ? std::string_view() : found->second;
}

std::vector<Alternatives> ParseRelations(std::string_view field) {
  std::vector<Alternatives> relations;
  while (!field.empty()) {
    std::string_view requirement = NextPiece(field, ',');
    Alternatives names;
    while (!requirement.empty()) {
      const std::string_view one = Trim(NextPiece(requirement, '|'));
      const std::string_view name =
          one.substr(0, one.find_first_of(" \t\n(:[<"));
      if (!name.empty()) names.emplace_back(name);
    }
    if (!names.empty()) relations.push_back(std::move(names));
  }
  return relations;
}

}  // namespace driveroot::debian
