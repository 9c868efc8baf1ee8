// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace driveroot::debian {
namespace {

// Each is older than the next, by the rules of deb-version(7).
TEST(Version, Order) {
  const std::vector<std::string> ascending = {
      "1.0~~",          "1.0~~a", "1.0~rc1-1",  "1.0",
      "1.0-1~deb13u1",  "1.0-1",  "1.0-1+b1",   "1.0-1+deb13u2",
      "1.0-1+deb13u10", "1.0a-1", "1.0+dfsg-1", "1.2-1",
      "1.10-1",         "6.12.8", "6.12.107",   "1:0.1",
  };
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t k = 0; k < ascending.size(); ++k) {
      EXPECT_EQ(CompareVersions(ascending[i], ascending[k]), i <=> k)
          << ascending[i] << " and " << ascending[k];
    }
  }
}

TEST(Version, DifferentTextOfTheSameVersion) {
  EXPECT_EQ(CompareVersions("1.0", "0:1.0"), std::strong_ordering::equal);
  EXPECT_EQ(CompareVersions("1.0", "1.00"), std::strong_ordering::equal);
  EXPECT_EQ(CompareVersions("1.0-0", "1.0"), std::strong_ordering::equal);
}

}  // namespace
}  // namespace driveroot::debian
