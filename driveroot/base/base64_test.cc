// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/base64.h"

#include <gtest/gtest.h>

namespace driveroot {
namespace {

TEST(Base64Test, IsThatOfTheRfc) {
  // RFC 4648, section 10, without the padding; then the URL's two characters.
  EXPECT_EQ(Base64Url(""), "");
  EXPECT_EQ(Base64Url("f"), "Zg");
  EXPECT_EQ(Base64Url("fo"), "Zm8");
  EXPECT_EQ(Base64Url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64Url("\xff\xfe"), "__4");
  EXPECT_EQ(Base64Url("\xfb\xff\xfe"), "-__-");
}

TEST(Base64Test, GoesBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(FromBase64Url(Base64Url(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(Base64Test, OtherTextsMeanNothing) {
  // Among them left-over bits and a digit that is one too many.
  for (const char* text : {"Zg==", "Zm 8", "+/", "Zh", "Zm9vA", "Z", "\x80"}) {
    EXPECT_EQ(FromBase64Url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace driveroot
