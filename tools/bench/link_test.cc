// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/link.h"

#include <string>

#include "gtest/gtest.h"

namespace driveroot::bench {
namespace {

TEST(LinkTest, ShareIsOfOneDirectionsBandwidth) {
  const Link link = FindLink("reference").value();
  // 100 Mbit/s are 12.5 MB/s.
  EXPECT_DOUBLE_EQ(*LinkShare(link, 125'000'000, 10), 1.0);
  EXPECT_DOUBLE_EQ(*LinkShare(link, 12'500'000, 2), 0.5);
  EXPECT_EQ(LinkShare(link, 1, 0), std::nullopt);
  EXPECT_EQ(LinkShare(FindLink("loopback").value(), 1, 1), std::nullopt);
}

TEST(LinkTest, ServerIsToldTheSameAtItsStartAndLater) {
  const Link link = FindLink("reference").value();
  const std::string settings = LinkSettings(link);
  for (const std::string& flag : LinkFlags(link)) {
    const size_t equals = flag.find('=');
    const std::string setting =
        "\"" + flag.substr(2, equals - 2) + "\":" + flag.substr(equals + 1);
    EXPECT_NE(settings.find(setting), std::string::npos) << setting;
  }
}

TEST(LinkTest, OthersAreRefused) { EXPECT_FALSE(FindLink("fast")); }

}  // namespace
}  // namespace driveroot::bench
