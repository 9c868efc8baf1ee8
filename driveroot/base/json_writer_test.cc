// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/json_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

TEST(JsonWriterTest, EachKindOfValueStaysWhatItIs) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  PutMember(writer, "bool", true);
  PutMember(writer, "number", UINT64_MAX);
  PutMember(writer, "fraction", 0.5);
  PutMember(writer, "literal", "\"text\"");
  PutMember(writer, "string", std::string("text"));
  PutMember(writer, "view", std::string_view("text", 2));
  writer.EndObject();
  EXPECT_STREQ(buffer.GetString(),
               R"({"bool":true,"number":18446744073709551615,"fraction":0.5,)"
               R"("literal":"\"text\"","string":"text","view":"te"})");
}

}  // namespace
}  // namespace driveroot
