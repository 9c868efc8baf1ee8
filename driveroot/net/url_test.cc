// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/url.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace driveroot {
namespace {

TEST(Url, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode("a b/c+d&e=\xc3\xa4%"),
            "a%20b%2Fc%2Bd%26e%3D%C3%A4%25");
  EXPECT_EQ(EncodeQuery({{"q", "a'b"}, {"n", "1"}}), "q=a%27b&n=1");
}

TEST(Url, DecodesWhatItEncodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(PercentDecode(PercentEncode(all), true), all);
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
  for (const std::string_view broken : {"%", "%1", "a%zz", "%-1"}) {
    EXPECT_EQ(PercentDecode(broken, true), std::nullopt) << broken;
  }
}

TEST(Url, SplitsIntoParts) {
  const std::optional<UrlParts> parts =
      ParseUrl("HTTPS://Example.COM:8443/a/b?secret=1#x");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->scheme, "https");
  EXPECT_EQ(parts->host, "example.com");
  EXPECT_EQ(parts->port, 8443);
  EXPECT_EQ(parts->path, "/a/b");
  EXPECT_EQ(ParseUrl("https://h")->port, 443);
  EXPECT_EQ(ParseUrl("https://h?q")->path, "/");
  EXPECT_EQ(ParseUrl("https://[::1]:44/")->host, "[::1]");
  EXPECT_EQ(ParseUrl("https://[::1]:44/")->port, 44);
}

TEST(Url, RefusesWhatCouldMislead) {
  for (const std::string_view url :
       {"", "h", "ftp://h/", "https://", "https:///x", "https://h:0/",
        "https://h:65536/", "https://h:1x/", "https://user@h/",
        "https://good.example@evil.example/", "https://h\\@evil/",
        "https://h /", "https://h\n/", "https://[::1/", "https://[::1]x/"}) {
    EXPECT_FALSE(ParseUrl(url)) << url;
  }
}

TEST(Url, MessagesLeaveTheQueryOut) {
  EXPECT_EQ(UrlForMessages("https://h/upload?upload_id=secret"),
            "h:443/upload");
}

}  // namespace
}  // namespace driveroot
