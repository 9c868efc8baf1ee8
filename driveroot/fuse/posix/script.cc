// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/posix/script.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <map>
#include <utility>

namespace driveroot::posix {
namespace {

using Variables = std::map<std::string, std::string>;

struct Line {
  size_t number = 0;
  std::string text;
};

// `each a b: 1;2 3;4` gives a and b together the values 1 and 2, then 3 and 4.
struct Each {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
};

// A case as it is written.
struct Template {
  std::string name;
  std::vector<Each> loops;
  std::vector<Line> lines;
};

std::unexpected<Error> Mistake(size_t line, std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument,
              std::format("line {}: {}", line, what));
}

std::vector<std::string> Split(std::string_view text, std::string_view at) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find_first_of(at);
    if (end != 0 || at != " ") parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (at == " " && !parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <typename Integer>
std::optional<Integer> ParseNumber(std::string_view text, int base) {
  Integer value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

Result<Each> ParseEach(const Line& line) {
  const std::string_view text = std::string_view(line.text).substr(5);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return Mistake(line.number, "each NAME...: VALUES");
  }
  Each each = {.names = Split(Trim(text.substr(0, colon)), " "), .rows = {}};
  for (const std::string& row : Split(Trim(text.substr(colon + 1)), " ")) {
    each.rows.push_back(Split(row, ";"));
    if (each.rows.back().size() != each.names.size()) {
      return Mistake(line.number, "another number of values: " + row);
    }
  }
  return each;
}

Result<std::vector<Template>> ParseTemplates(std::string_view text) {
  std::vector<Template> templates;
  size_t number = 0;
  for (const std::string& raw : Split(text, "\n")) {
    const Line line = {.number = ++number, .text = std::string(Trim(raw))};
    if (line.text.empty() || line.text.starts_with('#')) continue;
    if (line.text.starts_with("case ")) {
      templates.push_back(
          {.name = line.text.substr(5), .loops = {}, .lines = {}});
    } else if (templates.empty()) {
      return Mistake(number, "a step before the first case");
    } else if (line.text.starts_with("each ")) {
      DRIVEROOT_ASSIGN_OR_RETURN(Each each, ParseEach(line));
      templates.back().loops.push_back(std::move(each));
    } else {
      templates.back().lines.push_back(line);
    }
  }
  return templates;
}

std::string Substitute(std::string text, const Variables& variables) {
  // The longest name first: map order puts a prefix before what it begins.
  for (auto it = variables.rbegin(); it != variables.rend(); ++it) {
    const std::string name = "$" + it->first;
    for (size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + it->second.size())) {
      text.replace(at, name.size(), it->second);
    }
  }
  return text;
}

// "<ab*3>" is "ababab", "<path*9>" a path of 9 bytes with short components.
Result<std::string> Repeat(std::string word, size_t line) {
  const size_t open = word.find('<');
  const size_t close = word.find('>');
  if (open == std::string::npos || close == std::string::npos) return word;
  const std::string_view inner =
      std::string_view(word).substr(open + 1, close - open - 1);
  const size_t star = inner.find('*');
  const auto count = star == std::string_view::npos
                         ? std::nullopt
                         : ParseNumber<size_t>(inner.substr(star + 1), 10);
  if (!count) return Mistake(line, "<TEXT*COUNT>");
  constexpr size_t kComponent = 100;
  std::string repeated;
  const std::string_view piece = inner.substr(0, star);
  if (piece == "path") {
    while (repeated.size() < *count) {
      const bool slash = repeated.size() % kComponent == kComponent - 1 &&
                         repeated.size() + 1 < *count;
      repeated += slash ? '/' : 'p';
    }
  } else {
    for (size_t i = 0; i < *count; ++i) repeated += piece;
  }
  return word.replace(open, close - open + 1, repeated);
}

Result<Credentials> ParseCredentials(const std::string& word, size_t line) {
  Credentials credentials;
  const size_t colon = word.find(':');
  const auto uid = ParseNumber<uid_t>(word.substr(0, colon), 10);
  if (!uid) return Mistake(line, "as UID[:GID,...]");
  credentials.uid = *uid;
  credentials.groups = {*uid};
  if (colon == std::string::npos) return credentials;
  credentials.groups.clear();
  for (const std::string& group : Split(word.substr(colon + 1), ",")) {
    const auto gid = ParseNumber<gid_t>(group, 10);
    if (!gid) return Mistake(line, "as UID[:GID,...]");
    credentials.groups.push_back(*gid);
  }
  return credentials;
}

Result<std::vector<TimeCheck>> ParseTimes(const std::string& word,
                                          size_t line) {
  std::vector<TimeCheck> checks;
  for (const std::string& check : Split(word, ",")) {
    const size_t colon = check.find(':');
    const char how = check.back();
    if (colon == std::string::npos || (how != '+' && how != '=')) {
      return Mistake(line, "times PATH:FIELD+,PATH:FIELD=");
    }
    checks.push_back(
        {.path = check.substr(0, colon),
         .field = check.substr(colon + 1, check.size() - colon - 2),
         .must_grow = how == '+'});
  }
  return checks;
}

// Takes `as`, `umask` and `times` from the front of the words.
Status ParsePrefixes(Step& step) {
  while (step.words.size() >= 2) {
    const std::string value = step.words[1];
    if (step.words[0] == "as") {
      DRIVEROOT_ASSIGN_OR_RETURN(step.credentials,
                                 ParseCredentials(value, step.line));
    } else if (step.words[0] == "umask") {
      const auto mask = ParseNumber<mode_t>(value, 8);
      if (!mask) return Mistake(step.line, "umask OCTAL");
      step.umask = *mask;
    } else if (step.words[0] == "times") {
      DRIVEROOT_ASSIGN_OR_RETURN(step.times, ParseTimes(value, step.line));
    } else {
      return {};
    }
    step.words.erase(step.words.begin(), step.words.begin() + 2);
  }
  return {};
}

Result<Step> ParseStep(const Line& line, const Variables& variables) {
  Step step = {.line = line.number,
               .text = Substitute(line.text, variables),
               .credentials = {},
               .times = {},
               .words = {},
               .expected = {"0"}};
  std::string_view rest = step.text;
  if (const size_t arrow = rest.find("->"); arrow != std::string_view::npos) {
    step.expected = Split(Trim(rest.substr(arrow + 2)), "|");
    rest = rest.substr(0, arrow);
  }
  for (const std::string& word : Split(Trim(rest), " ")) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::string repeated, Repeat(word, line.number));
    step.words.push_back(std::move(repeated));
  }
  DRIVEROOT_RETURN_IF_ERROR(ParsePrefixes(step));
  if (step.words.empty()) return Mistake(line.number, "no operation");
  return step;
}

// One case for each combination of the values of loops from `loop` on.
Status Expand(const Template& written, size_t loop, const std::string& name,
              const Variables& variables, std::vector<Case>& ret_cases) {
  if (loop < written.loops.size()) {
    const Each& each = written.loops[loop];
    for (const std::vector<std::string>& row : each.rows) {
      Variables more = variables;
      for (size_t i = 0; i < row.size(); ++i) {
        more[each.names[i]] = row[i];
        std::ranges::replace(more[each.names[i]], '~', ' ');
      }
      DRIVEROOT_RETURN_IF_ERROR(
          Expand(written, loop + 1, name + "/" + row.front(), more, ret_cases));
    }
    return {};
  }
  Case expanded = {.name = name, .steps = {}};
  for (const Line& line : written.lines) {
    DRIVEROOT_ASSIGN_OR_RETURN(Step step, ParseStep(line, variables));
    expanded.steps.push_back(std::move(step));
  }
  ret_cases.push_back(std::move(expanded));
  return {};
}

}  // namespace

Result<std::vector<Case>> ParseCases(std::string_view text) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<Template> templates,
                             ParseTemplates(text));
  std::vector<Case> cases;
  for (const Template& written : templates) {
    DRIVEROOT_RETURN_IF_ERROR(Expand(written, 0, written.name, {}, cases));
  }
  return cases;
}

}  // namespace driveroot::posix
