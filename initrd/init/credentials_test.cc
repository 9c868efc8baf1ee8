// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace driveroot {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// The examples of RFC 4648, section 10.
TEST(DecodeBase64Test, ReadsTheStandardsExamples) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("Zg=="), "f");
  EXPECT_EQ(DecodeBase64("Zm8="), "fo");
  EXPECT_EQ(DecodeBase64("Zm9v"), "foo");
  EXPECT_EQ(DecodeBase64("Zm9vYg=="), "foob");
  EXPECT_EQ(DecodeBase64("Zm9vYmE="), "fooba");
  EXPECT_EQ(DecodeBase64("Zm9v\nYmFy\n"), "foobar");
  EXPECT_EQ(DecodeBase64("+/A="), "\xfb\xf0");
}

TEST(DecodeBase64Test, RefusesOtherText) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg==Zg==", "Zm=v",
                           "====", "Z===", "Zm9-", "Zm9v="}) {
    EXPECT_FALSE(DecodeBase64(text)) << text;
  }
}

TEST(AddFromOemStringsTest, TakesBothFormsAndReplaces) {
  Credentials credentials = {{"a", "from a file"}, {"b", "stays"}};
  const std::vector<std::string> strings = {
      "io.systemd.credential:a=x=y",
      "io.systemd.credential.binary:c=Zm9v",
      "io.systemd.credential:=no name",
      "io.systemd.credential:no value",
      "something else",
  };
  ASSERT_TRUE(AddFromOemStrings(strings, credentials));
  EXPECT_THAT(credentials,
              UnorderedElementsAre(Pair("a", "x=y"), Pair("b", "stays"),
                                   Pair("c", "foo")));
}

TEST(AddFromOemStringsTest, NamesWhatIsNotBase64ButNotItsValue) {
  Credentials credentials;
  const std::vector<std::string> strings = {
      "io.systemd.credential.binary:driveroot.ca=s3cret!"};
  const Status status = AddFromOemStrings(strings, credentials);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("driveroot.ca"));
  EXPECT_THAT(status.error().message(), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace driveroot
