// SPDX-License-Identifier: Apache-2.0
//
// Members of JSON objects, for rapidjson's Writer and PrettyWriter:
//
//   writer.StartObject();
//   PutMember(writer, "name", name);
//   PutMember(writer, "bytes", bytes);
//   writer.EndObject();
#ifndef DRIVEROOT_BASE_JSON_WRITER_H_
#define DRIVEROOT_BASE_JSON_WRITER_H_

#include <string_view>
#include <type_traits>

#include "rapidjson/rapidjson.h"

namespace driveroot {

// `value` is a bool, an unsigned or floating point number, or a text.
template <typename Writer, typename Value>
void PutMember(Writer& writer, const char* key, const Value& value) {
  writer.Key(key);
  if constexpr (std::is_same_v<Value, bool>) {
    writer.Bool(value);
  } else if constexpr (std::is_unsigned_v<Value>) {
    writer.Uint64(value);
  } else if constexpr (std::is_floating_point_v<Value>) {
    writer.Double(value);
  } else {
    const std::string_view text = value;
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
}

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_JSON_WRITER_H_
