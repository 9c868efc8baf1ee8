// SPDX-License-Identifier: Apache-2.0
//
// The parsing half of query.h.
#include <array>
#include <utility>

#include "vmtest/fakedrive/drive/query.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

using Kind = QueryNode::Kind;
using Operator = QueryNode::Operator;
using NodePtr = std::unique_ptr<QueryNode>;

constexpr int kMaxDepth = 100;

NodePtr MakeNode(Kind kind) {
  auto node = std::make_unique<QueryNode>();
  node->kind = kind;
  return node;
}

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

// Each Parse function returns null, and each Take false, on what does not fit.
class QueryParser {
 public:
  explicit QueryParser(std::string_view text) : text_(text) {}

  std::optional<Query> ParseAll() {
    Query query;
    SkipBlanks();
    if (text_.empty()) return query;
    query.root_ = ParseQuery(0);
    SkipBlanks();
    if (!query.root_ || !text_.empty()) return std::nullopt;
    query.looks_at_names_ = looks_at_names_;
    return query;
  }

 private:
  void SkipBlanks() {
    while (!text_.empty() && IsBlank(text_.front())) text_.remove_prefix(1);
  }

  bool TakeSymbol(std::string_view symbol) {
    SkipBlanks();
    if (!text_.starts_with(symbol)) return false;
    text_.remove_prefix(symbol.size());
    return true;
  }

  // The next word, without taking it.
  std::string_view PeekWord() {
    SkipBlanks();
    size_t size = 0;
    while (size < text_.size() && IsWordChar(text_[size])) ++size;
    return text_.substr(0, size);
  }

  bool TakeWord(std::string_view wanted) {
    if (PeekWord() != wanted) return false;
    text_.remove_prefix(wanted.size());
    return true;
  }

  std::optional<std::string> TakeText() {
    SkipBlanks();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"'))
      return std::nullopt;
    const char quote = text_.front();
    std::string value;
    for (size_t i = 1; i < text_.size(); ++i) {
      char c = text_[i];
      if (c == quote) {
        text_.remove_prefix(i + 1);
        return value;
      }
      if (c == '\\') {
        if (++i == text_.size()) return std::nullopt;
        c = text_[i];
        if (c != '\\' && c != '\'' && c != '"') return std::nullopt;
      }
      value.push_back(c);
    }
    return std::nullopt;
  }

  std::optional<bool> TakeBool() {
    if (TakeWord("true")) return true;
    if (TakeWord("false")) return false;
    return std::nullopt;
  }

  std::optional<Operator> TakeOperator() {
    if (TakeWord("contains")) return Operator::kContains;
    // The longer ones first.
    constexpr std::array<std::pair<std::string_view, Operator>, 6> kSymbols = {
        {{"<=", Operator::kLessEqual},
         {">=", Operator::kGreaterEqual},
         {"!=", Operator::kNotEqual},
         {"=", Operator::kEqual},
         {"<", Operator::kLess},
         {">", Operator::kGreater}}};
    for (const auto& [symbol, value] : kSymbols) {
      if (TakeSymbol(symbol)) return value;
    }
    return std::nullopt;
  }

  NodePtr ParseQuery(int depth) {
    NodePtr node = ParseTerm(depth);
    while (node) {
      Kind kind;
      if (TakeWord("and")) {
        kind = Kind::kAnd;
      } else if (TakeWord("or")) {
        kind = Kind::kOr;
      } else {
        break;
      }
      NodePtr joined = MakeNode(kind);
      joined->left = std::move(node);
      joined->right = ParseTerm(depth);
      if (!joined->right || ++joins_ > kMaxJoins) return nullptr;
      node = std::move(joined);
    }
    return node;
  }

  NodePtr ParseTerm(int depth) {
    if (depth > kMaxDepth) return nullptr;
    if (TakeWord("not")) {
      NodePtr node = MakeNode(Kind::kNot);
      node->left = ParseTerm(depth + 1);
      if (!node->left) return nullptr;
      return node;
    }
    if (TakeSymbol("(")) {
      NodePtr node = ParseQuery(depth + 1);
      if (!node || !TakeSymbol(")")) return nullptr;
      return node;
    }
    SkipBlanks();
    if (text_.starts_with('\'') || text_.starts_with('"')) return ParseIn();
    const std::string field(PeekWord());
    text_.remove_prefix(field.size());
    return ParseComparison(field);
  }

  NodePtr ParseIn() {
    auto value = TakeText();
    if (!value || !TakeWord("in")) return nullptr;
    Kind kind;
    if (TakeWord("parents")) {
      kind = Kind::kInParents;
    } else if (TakeWord("owners") || TakeWord("writers") ||
               TakeWord("readers")) {
      kind = Kind::kOwnedBy;
    } else {
      return nullptr;
    }
    NodePtr node = MakeNode(kind);
    node->text = *std::move(value);
    return node;
  }

  NodePtr ParseComparison(std::string_view field) {
    if (field == "sharedWithMe") return ParseSharedWithMe();
    if (field == "properties") return ParseProperty(Kind::kProperty);
    if (field == "appProperties") return ParseProperty(Kind::kAppProperty);
    const auto compare = TakeOperator();
    if (!compare) return nullptr;
    const bool equality =
        *compare == Operator::kEqual || *compare == Operator::kNotEqual;
    if (field == "name" || field == "mimeType") {
      if (!equality && *compare != Operator::kContains) return nullptr;
      auto value = TakeText();
      if (!value) return nullptr;
      NodePtr node = MakeNode(field == "name" ? Kind::kName : Kind::kMimeType);
      looks_at_names_ = looks_at_names_ || field == "name";
      node->compare = *compare;
      node->text = *std::move(value);
      return node;
    }
    if (field == "trashed" || field == "starred") {
      const auto value = equality ? TakeBool() : std::nullopt;
      if (!value) return nullptr;
      NodePtr node =
          MakeNode(field == "trashed" ? Kind::kTrashed : Kind::kStarred);
      node->compare = *compare;
      node->number = *value ? 1 : 0;
      return node;
    }
    if (field == "modifiedTime" || field == "createdTime") {
      if (*compare == Operator::kContains) return nullptr;
      const auto text = TakeText();
      const auto time = text ? ParseTime(*text) : std::nullopt;
      if (!time) return nullptr;
      NodePtr node = MakeNode(Kind::kTime);
      node->compare = *compare;
      node->number = *time;
      node->created = field == "createdTime";
      return node;
    }
    return nullptr;
  }

  NodePtr ParseSharedWithMe() {
    NodePtr node = MakeNode(Kind::kSharedWithMe);
    node->number = 1;
    if (TakeSymbol("!=")) {
      node->compare = Operator::kNotEqual;
    } else if (!TakeSymbol("=")) {
      return node;
    }
    const auto value = TakeBool();
    if (!value) return nullptr;
    node->number = *value ? 1 : 0;
    return node;
  }

  NodePtr ParseProperty(Kind kind) {
    if (!TakeWord("has") || !TakeSymbol("{") || !TakeWord("key") ||
        !TakeSymbol("="))
      return nullptr;
    auto key = TakeText();
    if (!key || !TakeWord("and") || !TakeWord("value") || !TakeSymbol("="))
      return nullptr;
    auto value = TakeText();
    if (!value || !TakeSymbol("}")) return nullptr;
    NodePtr node = MakeNode(kind);
    node->text = *std::move(key);
    node->value = *std::move(value);
    return node;
  }

  // Chains lean to the left, and evaluating and freeing them recurses.
  static constexpr int kMaxJoins = 1000;

  std::string_view text_;
  int joins_ = 0;
  bool looks_at_names_ = false;
};

std::optional<Query> Query::Parse(std::string_view text) {
  if (text.size() > kMaxBytes) return std::nullopt;
  return QueryParser(text).ParseAll();
}

}  // namespace driveroot::fakedrive
