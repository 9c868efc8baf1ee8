// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/mirror.h"

#include <gtest/gtest.h>
#include <lzma.h>

namespace driveroot::debian {
namespace {

std::string Compress(const std::string& text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(
      lzma_easy_buffer_encode(
          6, LZMA_CHECK_CRC64, nullptr,
          reinterpret_cast<const uint8_t*>(text.data()), text.size(),
          reinterpret_cast<uint8_t*>(packed.data()), &size, packed.size()),
      LZMA_OK);
  packed.resize(size);
  return packed;
}

TEST(DecompressXz, GivesTheBytesBack) {
  std::string text;
  while (text.size() < 1000000)
    text += "Package: " + std::to_string(text.size()) + "\n";
  const Result<std::string> unpacked = DecompressXz(Compress(text));
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  EXPECT_TRUE(*unpacked == text);
}

TEST(DecompressXz, RefusesDamage) {
  std::string packed = Compress(std::string(100000, 'x'));
  EXPECT_FALSE(DecompressXz(packed.substr(0, packed.size() - 1)));
  packed[packed.size() / 2] ^= 1;
  EXPECT_FALSE(DecompressXz(packed));
  EXPECT_FALSE(DecompressXz("not xz at all"));
}

TEST(Mirrors, SayWhatFailedWhere) {
  // Nothing listens on port 1.
  Mirrors mirrors({"http://127.0.0.1:1/archive"}, "");
  EXPECT_FALSE(mirrors.Has("pool/x"));
  const Result<std::string> bytes = mirrors.Fetch("pool/x");
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message().find("pool/x"), std::string::npos);
  EXPECT_NE(bytes.error().message().find("http://127.0.0.1:1/archive"),
            std::string::npos);
  EXPECT_FALSE(Mirrors({}, "").Fetch("pool/x"));
}

}  // namespace
}  // namespace driveroot::debian
