// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/query.h"

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {
namespace {

using Kind = QueryNode::Kind;
using Operator = QueryNode::Operator;

bool Compare(int64_t left, Operator compare, int64_t right) {
  switch (compare) {
    case Operator::kEqual:
      return left == right;
    case Operator::kNotEqual:
      return left != right;
    case Operator::kLess:
      return left < right;
    case Operator::kLessEqual:
      return left <= right;
    case Operator::kGreater:
      return left > right;
    case Operator::kGreaterEqual:
      return left >= right;
    case Operator::kContains:
      return false;  // The parser lets none through.
  }
  return false;
}

bool IsAlphanumeric(char c) {
  // Bytes of non-ASCII letters count as letters.
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

// Whether some word of `text` starts with `prefix`; both in lower case.
bool HasWordPrefix(const std::string& text, const std::string& prefix) {
  for (size_t at = text.find(prefix); at != std::string::npos;
       at = text.find(prefix, at + 1)) {
    if (at == 0 || !IsAlphanumeric(text[at - 1]) || prefix.empty()) return true;
  }
  return false;
}

bool MatchName(const QueryNode& node, const std::string& name) {
  const std::string wanted = AsciiLower(node.text);
  const std::string actual = AsciiLower(name);
  if (node.compare == Operator::kContains) return HasWordPrefix(actual, wanted);
  return (actual == wanted) == (node.compare == Operator::kEqual);
}

bool MatchMimeType(const QueryNode& node, const std::string& mime_type) {
  if (node.compare == Operator::kContains)
    return mime_type.starts_with(node.text);
  return (mime_type == node.text) == (node.compare == Operator::kEqual);
}

bool HasProperty(const QueryNode& node,
                 const std::map<std::string, std::string>& properties) {
  const auto found = properties.find(node.text);
  return found != properties.end() && found->second == node.value;
}

bool Match(const QueryNode& node, const Query::Facts& facts) {
  const FileRecord& record = facts.record;
  switch (node.kind) {
    case Kind::kAnd:
      return Match(*node.left, facts) && Match(*node.right, facts);
    case Kind::kOr:
      return Match(*node.left, facts) || Match(*node.right, facts);
    case Kind::kNot:
      return !Match(*node.left, facts);
    case Kind::kName:
      return MatchName(node, record.name);
    case Kind::kMimeType:
      return MatchMimeType(node, record.mime_type);
    case Kind::kTime:
      return Compare(node.created ? record.created_ms : record.modified_ms,
                     node.compare, node.number);
    case Kind::kTrashed:
      return Compare(facts.trashed ? 1 : 0, node.compare, node.number);
    case Kind::kStarred:
      return Compare(record.starred ? 1 : 0, node.compare, node.number);
    case Kind::kInParents:
      return !record.parent.empty() &&
             record.parent == (node.text == "root" ? facts.root_id : node.text);
    case Kind::kOwnedBy:
      return node.text == "me" || node.text == facts.owner;
    case Kind::kProperty:
      return HasProperty(node, record.properties);
    case Kind::kAppProperty:
      return HasProperty(node, record.app_properties);
    case Kind::kSharedWithMe:
      return Compare(0, node.compare, node.number);  // Nothing is shared.
  }
  return false;
}

std::string ParentOf(const QueryNode& node) {
  if (node.kind == Kind::kInParents) return node.text;
  if (node.kind != Kind::kAnd) return "";
  const std::string left = ParentOf(*node.left);
  return left.empty() ? ParentOf(*node.right) : left;
}

}  // namespace

bool Query::Matches(const Facts& facts) const {
  return !root_ || Match(*root_, facts);
}

std::string Query::parent() const { return root_ ? ParentOf(*root_) : ""; }

}  // namespace driveroot::fakedrive
