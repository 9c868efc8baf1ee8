// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/smbios.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A structure with a formatted area of `body` and `strings`, each with its zero
// byte.
std::string Structure(char type, const std::string& body,
                      const std::string& strings) {
  std::string bytes;
  bytes += type;
  bytes += static_cast<char>(4 + body.size());
  bytes += std::string(2, '\x01');
  bytes += body;
  bytes += strings.empty() ? std::string(1, '\0') : strings;
  return bytes + '\0';
}

const std::string kEnd = Structure(127, "", "");

TEST(ParseOemStringsTest, FindsTheStringsOfType11Only) {
  const std::string table =
      Structure(0, "body", std::string("maker\0version\0", 14)) +
      Structure(4, std::string(30, '\0'), "") +
      Structure(11, "\x02", std::string("first=1\0second\0", 15)) +
      Structure(11, "\x01", std::string("third\0", 6)) + kEnd +
      Structure(11, "\x01", std::string("after the end\0", 14));
  EXPECT_THAT(ParseOemStrings(table),
              ElementsAre("first=1", "second", "third"));
}

TEST(ParseOemStringsTest, AnEmptyTableHoldsNothing) {
  EXPECT_THAT(ParseOemStrings(""), IsEmpty());
  EXPECT_THAT(ParseOemStrings(kEnd), IsEmpty());
}

TEST(ParseOemStringsTest, ALengthBelowTheHeaderEndsTheReading) {
  std::string table = Structure(11, "\x01", std::string("x\0", 2));
  table[1] = 0;
  EXPECT_THAT(ParseOemStrings(table), IsEmpty());
}

TEST(ParseOemStringsTest, SurvivesEveryTruncation) {
  const std::string table =
      Structure(4, "1234", "") +
      Structure(11, "\x02", std::string("first\0second\0", 13)) + kEnd;
  for (size_t size = 0; size < table.size(); ++size) {
    for (const std::string& found : ParseOemStrings(table.substr(0, size))) {
      EXPECT_TRUE(found == "first" || found == "second") << found;
    }
  }
}

}  // namespace
}  // namespace driveroot
