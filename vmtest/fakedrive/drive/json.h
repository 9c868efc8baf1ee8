// SPDX-License-Identifier: Apache-2.0
//
// Shorthand over RapidJSON for what the handlers build and read.
#ifndef VMTEST_FAKEDRIVE_DRIVE_JSON_H_
#define VMTEST_FAKEDRIVE_DRIVE_JSON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot::fakedrive {

using Json = rapidjson::Value;
using JsonAllocator = rapidjson::Document::AllocatorType;

// Parses one JSON value with nothing after it. Nesting is limited by not
// recursing. Fails (nullopt) on anything malformed, invalid UTF-8 included.
inline std::optional<rapidjson::Document> ParseJson(std::string_view text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag |
                 rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError()) return std::nullopt;
  return document;
}

inline std::string JsonText(const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

inline Json JsonString(std::string_view text, JsonAllocator& allocator) {
  return {text.data(), static_cast<rapidjson::SizeType>(text.size()),
          allocator};
}

inline std::string_view JsonView(const Json& string) {
  return {string.GetString(), string.GetStringLength()};
}

// Builds one object field by field.
class JsonObject {
 public:
  explicit JsonObject(JsonAllocator& allocator)
      : value_(rapidjson::kObjectType), allocator_(allocator) {}

  JsonObject& Set(std::string_view key, Json value) {
    value_.AddMember(JsonString(key, allocator_), value, allocator_);
    return *this;
  }
  JsonObject& Set(std::string_view key, std::string_view text) {
    return Set(key, JsonString(text, allocator_));
  }
  JsonObject& Set(std::string_view key, const char* text) {
    return Set(key, std::string_view(text));
  }
  JsonObject& Set(std::string_view key, bool value) {
    return Set(key, Json(value));
  }
  JsonObject& Set(std::string_view key, uint64_t value) {
    return Set(key, Json(value));
  }
  JsonObject& Set(std::string_view key,
                  const std::map<std::string, std::string>& map) {
    JsonObject inner(allocator_);
    for (const auto& [name, value] : map)
      inner.Set(name, std::string_view(value));
    return Set(key, inner.Take());
  }
  // Google writes 64-bit numbers as strings.
  JsonObject& SetNumberText(std::string_view key, uint64_t value) {
    return Set(key, std::string_view(std::to_string(value)));
  }

  Json Take() { return std::move(value_); }

 private:
  Json value_;
  JsonAllocator& allocator_;
};

// The member of that name, or null if `object` is no object or lacks it.
inline const Json* Member(const Json& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

inline std::optional<std::string> MemberString(const Json& object,
                                               const char* name) {
  const Json* member = Member(object, name);
  if (member == nullptr || !member->IsString()) return std::nullopt;
  return std::string(JsonView(*member));
}

inline std::optional<uint64_t> MemberNumber(const Json& object,
                                            const char* name) {
  const Json* member = Member(object, name);
  if (member == nullptr || !member->IsUint64()) return std::nullopt;
  return member->GetUint64();
}

inline bool MemberBool(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->IsBool() && member->GetBool();
}

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_JSON_H_
