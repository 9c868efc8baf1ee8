// SPDX-License-Identifier: Apache-2.0
//
// The `q` parameter of files.list: parsing, and deciding which files match.
//
//   query   := term (('and' | 'or') term)*      left to right, no precedence
//   term    := 'not' term | '(' query ')' | comparison
//   comparison := field operator value
//               | value 'in' ('parents' | 'owners' | 'writers' | 'readers')
//               | ('properties' | 'appProperties') 'has'
//                 '{' 'key' '=' value 'and' 'value' '=' value '}'
//               | 'sharedWithMe'
//   value   := 'text with \' and \\' | true | false
//
// Names compare without regard to (ASCII) case, as in Drive; `name contains`
// matches the beginnings of words.
#ifndef VMTEST_FAKEDRIVE_DRIVE_QUERY_H_
#define VMTEST_FAKEDRIVE_DRIVE_QUERY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/file_record.h"

namespace driveroot::fakedrive {

struct QueryNode {
  enum class Kind : uint8_t {
    kAnd,
    kOr,
    kNot,
    kName,
    kMimeType,
    kTime,
    kTrashed,
    kStarred,
    kInParents,
    kOwnedBy,
    kProperty,
    kAppProperty,
    kSharedWithMe,
  };
  enum class Operator : uint8_t {
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kContains,
  };

  Kind kind = Kind::kAnd;
  Operator compare = Operator::kEqual;
  std::string text;      // The value; of properties, the key.
  std::string value;     // Of properties.
  int64_t number = 0;    // Milliseconds, or 0 and 1 for false and true.
  bool created = false;  // kTime: of createdTime, not modifiedTime.
  std::unique_ptr<QueryNode> left;  // Of and, or, not.
  std::unique_ptr<QueryNode> right;
};

class Query {
 public:
  static constexpr size_t kMaxBytes = 32768;

  // Nullopt if it is no query. The empty text matches everything.
  static std::optional<Query> Parse(std::string_view text);

  struct Facts {
    const FileRecord& record;
    bool trashed;                // By itself or by a folder above.
    const std::string& root_id;  // What 'root' in parents stands for.
    const std::string& owner;    // The account's mail address.
  };
  bool Matches(const Facts& facts) const;

  // Whether it looks at names: such answers lag behind in Drive.
  bool looks_at_names() const { return looks_at_names_; }
  // A single folder that all matches lie in, so that nothing else needs to be
  // looked at; or "".
  std::string parent() const;

 private:
  std::unique_ptr<QueryNode> root_;
  bool looks_at_names_ = false;

  friend class QueryParser;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_QUERY_H_
