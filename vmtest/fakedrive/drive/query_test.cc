// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/query.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot::fakedrive {
namespace {

FileRecord Sample() {
  FileRecord record;
  record.id = "1abc";
  record.name = "Hello World's notes.txt";
  record.mime_type = "text/plain";
  record.parent = "folder";
  record.properties = {{"p", "1"}};
  record.app_properties = {{"kind", "seg'ment"}};
  record.created_ms = 0;
  record.modified_ms = 1'000'000'000'000;  // 2001-09-09T01:46:40Z
  record.starred = true;
  return record;
}

bool Matches(std::string_view text) {
  const FileRecord record = Sample();
  const std::string root = "folder";
  const std::string owner = "user@example.com";
  const auto query = Query::Parse(text);
  EXPECT_TRUE(query) << text;
  return query && query->Matches({.record = record,
                                  .trashed = false,
                                  .root_id = root,
                                  .owner = owner});
}

TEST(Query, Comparisons) {
  EXPECT_TRUE(Matches(""));
  EXPECT_TRUE(Matches("name = 'hello world\\'s NOTES.txt'"));
  EXPECT_FALSE(Matches("name = 'hello'"));
  EXPECT_TRUE(Matches("name != 'hello'"));
  EXPECT_TRUE(Matches("name contains 'hel'"));
  EXPECT_TRUE(Matches("name contains 'World'"));
  EXPECT_FALSE(Matches("name contains 'orld'"));
  EXPECT_TRUE(Matches("mimeType='text/plain'"));
  EXPECT_TRUE(Matches("mimeType contains 'text/'"));
  EXPECT_FALSE(Matches("mimeType != 'text/plain'"));
  EXPECT_TRUE(Matches("trashed = false and starred = true"));
  EXPECT_FALSE(Matches("trashed=true"));
  EXPECT_TRUE(Matches("trashed != true"));
  EXPECT_TRUE(Matches("modifiedTime = '2001-09-09T01:46:40Z'"));
  EXPECT_TRUE(Matches("modifiedTime > '2001-09-09T01:46:39.999'"));
  EXPECT_TRUE(Matches("modifiedTime <= '2001-09-09T03:46:40+02:00'"));
  EXPECT_FALSE(Matches("modifiedTime < '2001-09-09'"));
  EXPECT_TRUE(Matches("createdTime < '1970-01-02'"));
  EXPECT_FALSE(Matches("sharedWithMe"));
  EXPECT_TRUE(Matches("sharedWithMe = false"));
}

TEST(Query, MembershipAndProperties) {
  EXPECT_TRUE(Matches("'folder' in parents"));
  EXPECT_TRUE(Matches("'root' in parents"));
  EXPECT_FALSE(Matches("'other' in parents"));
  EXPECT_TRUE(Matches("'me' in owners"));
  EXPECT_TRUE(Matches("'user@example.com' in writers"));
  EXPECT_FALSE(Matches("'someone' in readers"));
  EXPECT_TRUE(Matches("properties has {key='p' and value='1'}"));
  EXPECT_FALSE(Matches("appProperties has { key='p' and value='1' }"));
  EXPECT_TRUE(
      Matches("appProperties has {key = 'kind' and value = 'seg\\'ment'}"));
}

TEST(Query, CombinesFromLeftToRight) {
  EXPECT_TRUE(Matches("not trashed = true"));
  EXPECT_TRUE(Matches("not not starred = true"));
  // (true or false) and false, not true or (false and false).
  EXPECT_FALSE(Matches("starred=true or trashed=true and trashed=true"));
  EXPECT_TRUE(Matches("starred=true or (trashed=true and trashed=true)"));
  EXPECT_TRUE(
      Matches("(mimeType='a' or (mimeType='text/plain')) and trashed = false"));
}

TEST(Query, RefusesWhatIsMalformed) {
  for (const char* text : {"name",
                           "name =",
                           "name = x",
                           "name = 'x",
                           "name 'x'",
                           "name < 'x'",
                           "= 'x'",
                           "name = 'x' and",
                           "and name = 'x'",
                           "(name = 'x'",
                           "name = 'x')",
                           "name = 'x' name = 'y'",
                           "title = 'x'",
                           "'x' in",
                           "'x' in folders",
                           "trashed = 'true'",
                           "trashed = maybe",
                           "trashed > true",
                           "modifiedTime = 'yesterday'",
                           "modifiedTime contains '2001'",
                           "name = '\\x'",
                           "name = 'x\\",
                           "properties has {key='p'}",
                           "appProperties has key='p' and value='1'",
                           "properties = 'p'",
                           "not",
                           "()",
                           "sharedWithMe = 'x'"})
    EXPECT_FALSE(Query::Parse(text)) << text;
}

TEST(Query, IsBounded) {
  EXPECT_FALSE(Query::Parse(std::string(5000, '(')));
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "not ";
  EXPECT_FALSE(Query::Parse(nots + "starred = true"));
  std::string chain = "starred=true";
  for (int i = 0; i < 2000; ++i) chain += " or starred=true";
  EXPECT_FALSE(Query::Parse(chain));
  EXPECT_FALSE(Query::Parse("name = '" + std::string(40'000, 'x') + "'"));
}

TEST(Query, TellsWhatItNeeds) {
  EXPECT_EQ(Query::Parse("'a' in parents and trashed=false")->parent(), "a");
  EXPECT_EQ(Query::Parse("trashed=false and 'a' in parents")->parent(), "a");
  EXPECT_EQ(Query::Parse("'a' in parents or trashed=false")->parent(), "");
  EXPECT_EQ(Query::Parse("not 'a' in parents")->parent(), "");
  EXPECT_TRUE(Query::Parse("name = 'x'")->looks_at_names());
  EXPECT_FALSE(Query::Parse("'a' in parents")->looks_at_names());
}

}  // namespace
}  // namespace driveroot::fakedrive
