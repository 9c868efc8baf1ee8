// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/json.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace driveroot {
namespace {

TEST(Json, ReadsMembers) {
  const auto document = ParseJsonObject(
      R"({"s":"text","n":7,"big":"18446744073709551615","null":null})", "it");
  ASSERT_TRUE(document);
  EXPECT_EQ(JsonString(*document, "s"), "text");
  EXPECT_EQ(JsonUint64(*document, "n"), 7u);
  EXPECT_EQ(JsonUint64(*document, "big"), 18446744073709551615u);
}

TEST(Json, MistypedMembersAreAbsent) {
  const auto document = ParseJsonObject(
      R"({"s":1,"n":-1,"f":1.5,"over":"18446744073709551616","x":"12z",)"
      R"("empty":"","o":{},"a":[]})",
      "it");
  ASSERT_TRUE(document);
  EXPECT_EQ(JsonString(*document, "s"), std::nullopt);
  EXPECT_EQ(JsonString(*document, "missing"), std::nullopt);
  for (const char* name : {"n", "f", "over", "x", "empty", "o", "a", "none"}) {
    EXPECT_EQ(JsonUint64(*document, name), std::nullopt) << name;
  }
  EXPECT_EQ(JsonMember((*document)["a"], "x"), nullptr);
}

TEST(Json, HostileTextIsRefused) {
  for (const std::string_view text :
       {"", "null", "[]", "1", "{", R"({"a":1}x)", R"({"a":"\ud800"})",
        "{\"a\":\"\xff\"}", "<html>"}) {
    const auto document = ParseJsonObject(text, "the answer");
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().code(), ErrorCode::kDataLoss);
    EXPECT_TRUE(document.error().message().starts_with("the answer"));
  }
}

TEST(Json, DeepNestingDoesNotExhaustTheStack) {
  constexpr int kDepth = 1'000'000;
  std::string text = R"({"a":)" + std::string(kDepth, '[');
  EXPECT_FALSE(ParseJsonObject(text, "it"));
}

}  // namespace
}  // namespace driveroot
