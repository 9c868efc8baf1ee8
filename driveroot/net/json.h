// SPDX-License-Identifier: Apache-2.0
//
// Reading JSON that a server sent, which may be anything: bounds and types are
// checked, nesting cannot exhaust the stack, and a missing or mistyped member
// is an absent value. Writing is done with rapidjson::Writer directly.
#ifndef DRIVEROOT_NET_JSON_H_
#define DRIVEROOT_NET_JSON_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "driveroot/base/result.h"
#include "rapidjson/document.h"

namespace driveroot {

// Parses one JSON object. kDataLoss, naming `what`, when `text` is not one.
Result<rapidjson::Document> ParseJsonObject(std::string_view text,
                                            std::string_view what);

// A member of `object`, or null when `object` is no object or has none.
const rapidjson::Value* JsonMember(const rapidjson::Value& object,
                                   const char* name);

// A string member; the view is valid while the document lives.
std::optional<std::string_view> JsonString(const rapidjson::Value& object,
                                           const char* name);

// A member that is a non-negative integer, as a number or, as Google writes
// 64-bit numbers, as a decimal string.
std::optional<uint64_t> JsonUint64(const rapidjson::Value& object,
                                   const char* name);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_JSON_H_
