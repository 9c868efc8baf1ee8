// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/control_file.h"

#include <gtest/gtest.h>

namespace driveroot::debian {
namespace {

TEST(ControlFile, ReadsStanzasAndFoldedFields) {
  const std::vector<Stanza> stanzas = ParseControlFile(
      "Package: one\nChecksums-Sha256:\n abc 1 a.tar\n def 2 b.tar\nVersion: "
      "1:2-3\n"
      "\n\nPackage: two\nnonsense\n continued after nonsense\n");
  ASSERT_EQ(stanzas.size(), 2U);
  EXPECT_EQ(Field(stanzas[0], "Package"), "one");
  EXPECT_EQ(Field(stanzas[0], "Checksums-Sha256"),
            "\nabc 1 a.tar\ndef 2 b.tar");
  EXPECT_EQ(Field(stanzas[0], "Version"), "1:2-3");
  EXPECT_EQ(Field(stanzas[1], "Version"), "");
}

TEST(ControlFile, NothingInAnEmptyText) {
  EXPECT_TRUE(ParseControlFile("").empty());
  EXPECT_TRUE(ParseControlFile("\n \n\n").empty());
  EXPECT_TRUE(ParseControlFile(" a continuation of nothing\n").empty());
}

TEST(ControlFile, ReadsRelations) {
  const std::vector<Alternatives> relations = ParseRelations(
      "libc6 (>= 2.38), default-mta | mail-agent, perl:any, x [amd64] "
      "<!nocheck>,, ");
  const std::vector<Alternatives> expected = {
      {"libc6"}, {"default-mta", "mail-agent"}, {"perl"}, {"x"}};
  EXPECT_EQ(relations, expected);
}

}  // namespace
}  // namespace driveroot::debian
