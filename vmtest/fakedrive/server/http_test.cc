// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/http.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "vmtest/fakedrive/server/body.h"

namespace driveroot::fakedrive {
namespace {

TEST(ParseTarget, DecodesPathAndQuery) {
  const auto target = ParseTarget("/a%20b?q=%27x%27+in+parents&e&k=1");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b");
  EXPECT_EQ(*target->Parameter("q"), "'x' in parents");
  EXPECT_EQ(*target->Parameter("e"), "");
  EXPECT_EQ(*target->Parameter("k"), "1");
  EXPECT_EQ(target->Parameter("absent"), nullptr);
}

TEST(ParseTarget, RefusesWhatIsMalformed) {
  for (const char* text : {"", "a", "http://host/", "*", "/%", "/%4", "/%zz",
                           "/%00", "/?a=%", "/?%g0=1"})
    EXPECT_FALSE(ParseTarget(text)) << text;
}

TEST(PercentEncode, KeepsOnlyUnreserved) {
  EXPECT_EQ(PercentEncode("a-Z_0.~/ \xff"), "a-Z_0.~%2F%20%FF");
}

TEST(ParseDecimal, TakesDigitsAlone) {
  EXPECT_EQ(ParseDecimal("18446744073709551615"), UINT64_MAX);
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616"})
    EXPECT_FALSE(ParseDecimal(text)) << text;
}

TEST(SafeHeaderValue, LetsNoNewFieldIn) {
  EXPECT_EQ(SafeHeaderValue("a\r\nset-cookie: b"), "a??set-cookie: b");
}

TEST(Response, CorruptsTheByteThatIsAsked) {
  Response response = TextResponse(200, "text/plain", "abcdef");
  response.corrupt_at = 3;
  char buffer[4];
  ASSERT_EQ(response.ReadBody(2, buffer, 4), 4);
  EXPECT_EQ(std::string(buffer, 4), std::string("c") + char(~'d') + "ef");
  EXPECT_EQ(response.ReadBody(6, buffer, 4), 0);
}

TEST(Body, IsTheSameInMemoryAndOnDisk) {
  Body body(std::getenv("TEST_TMPDIR"));
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(10'000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(body.Append(piece));
    all += piece;
    // Reads between writes must not move where the next write goes.
    ASSERT_EQ(body.Read(0, 1).value(), "a");
  }
  ASSERT_GT(body.size(), Body::kMemoryLimit);
  EXPECT_EQ(body.ReadAll(1 << 20).value(), all);
  EXPECT_EQ(body.Read(9'999, 2).value(), "ab");
  EXPECT_FALSE(body.Read(all.size(), 1));
  EXPECT_FALSE(body.ReadAll(all.size() - 1));
}

}  // namespace
}  // namespace driveroot::fakedrive
