// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/fields.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot::fakedrive {
namespace {

std::string Apply(const char* mask, const char* json) {
  const auto value = ParseJson(json);
  const auto parsed = FieldMask::Parse(mask);
  if (!value || !parsed) return "malformed";
  rapidjson::Document document;
  return JsonText(parsed->Apply(*value, document.GetAllocator()));
}

TEST(FieldMask, KeepsWhatIsNamed) {
  const char* json =
      R"({"kind":"k","files":[{"id":"1","name":"n","o":{"a":1,"b":2}},)"
      R"({"id":"2"}],"next":"t"})";
  EXPECT_EQ(Apply("kind", json), R"({"kind":"k"})");
  EXPECT_EQ(Apply("next, files/id", json),
            R"({"files":[{"id":"1"},{"id":"2"}],"next":"t"})");
  EXPECT_EQ(Apply("files(name,o/b)", json),
            R"({"files":[{"name":"n","o":{"b":2}},{}]})");
  EXPECT_EQ(Apply("files/o,files/o/a", json),
            R"({"files":[{"o":{"a":1,"b":2}},{}]})");
  EXPECT_EQ(Apply("files/*/a", json), R"({"files":[{"id":"1","name":"n",)"
                                      R"("o":{"a":1}},{"id":"2"}]})");
  EXPECT_EQ(Apply("*", json), json);
}

TEST(FieldMask, RefusesWhatIsMalformed) {
  for (const char* mask :
       {"", ",", "a,", "a(", "a()", "a(b", "a)b", "a//b", "a/", "a b", "(a)"})
    EXPECT_FALSE(FieldMask::Parse(mask)) << mask;
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "a(";
  EXPECT_FALSE(FieldMask::Parse(deep));
}

TEST(FieldMask, KnowsTheFields) {
  const auto unknown = [](const char* mask, const char* resource) {
    return FieldMask::Parse(mask)->UnknownField(resource).value_or("");
  };
  EXPECT_EQ(unknown("id,name,capabilities/anything", "file"), "");
  EXPECT_EQ(unknown("id,title", "file"), "title");
  EXPECT_EQ(unknown("files(id,title)", "fileList"), "title");
  EXPECT_EQ(unknown("changes/file/size", "changeList"), "");
  EXPECT_EQ(unknown("changes/file/sizes", "changeList"), "sizes");
  EXPECT_EQ(unknown("*", "about"), "");
}

}  // namespace
}  // namespace driveroot::fakedrive
