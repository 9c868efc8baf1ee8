// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/system.h"

#include <gtest/gtest.h>

namespace driveroot {
namespace {

TEST(ParseDayTest, CountsSecondsInUtc) {
  EXPECT_EQ(ParseDay("1970-01-02"), 86400);
  EXPECT_EQ(ParseDay("2024-02-29\n"), 1709164800);
}

TEST(ParseDayTest, RefusesOtherText) {
  for (const char* text : {"", "2024", "2023-02-29", "2024-13-01", "2024-1-010",
                           "2024/01/01", "2024-01-01T00", "-024-01-01x"}) {
    EXPECT_FALSE(ParseDay(text)) << text;
  }
}

}  // namespace
}  // namespace driveroot
