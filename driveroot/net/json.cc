// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/json.h"

#include <charconv>
#include <string>
#include <system_error>

namespace driveroot {

Result<rapidjson::Document> ParseJsonObject(std::string_view text,
                                            std::string_view what) {
  rapidjson::Document document;
  // The iterative parser needs no stack of its own for nesting.
  document.Parse<rapidjson::kParseIterativeFlag |
                 rapidjson::kParseValidateEncodingFlag>(text.data(),
                                                        text.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Fail(ErrorCode::kDataLoss,
                std::string(what) + " is not a JSON object");
  }
  return document;
}

const rapidjson::Value* JsonMember(const rapidjson::Value& object,
                                   const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto member = object.FindMember(name);
  return member == object.MemberEnd() ? nullptr : &member->value;
}

std::optional<std::string_view> JsonString(const rapidjson::Value& object,
                                           const char* name) {
  const rapidjson::Value* value = JsonMember(object, name);
  if (value == nullptr || !value->IsString()) return std::nullopt;
  return std::string_view(value->GetString(), value->GetStringLength());
}

std::optional<uint64_t> JsonUint64(const rapidjson::Value& object,
                                   const char* name) {
  const rapidjson::Value* value = JsonMember(object, name);
  if (value == nullptr) return std::nullopt;
  if (value->IsUint64()) return value->GetUint64();
  if (!value->IsString()) return std::nullopt;
  const std::string_view digits(value->GetString(), value->GetStringLength());
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace driveroot
