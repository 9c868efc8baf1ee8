// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/compression.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "driveroot/base/noise.h"

namespace driveroot {
namespace {

using std::string_view_literals::operator""sv;

// Gives few bytes at a time, as a pipe may.
class DrippingSource final : public ByteSource {
 public:
  DrippingSource(std::string_view bytes, size_t step)
      : source_(bytes), step_(step) {}
  Result<size_t> Read(std::span<char> buffer) override {
    return source_.Read(buffer.first(std::min(step_, buffer.size())));
  }

 private:
  StringSource source_;
  size_t step_;
};

std::string Compress(Compressed format, std::string_view bytes) {
  std::string compressed;
  StringSink sink(&compressed);
  const std::unique_ptr<CompressingSink> compressor =
      MakeCompressor(format, &sink);
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE(compressor->Write(bytes.substr(0, half)));
  EXPECT_TRUE(compressor->Write(bytes.substr(half)));
  EXPECT_TRUE(compressor->Finish());
  return compressed;
}

Result<std::string> Decompress(std::string_view bytes, size_t step = 1 << 20) {
  DrippingSource dripping(bytes, step);
  BufferedSource source(&dripping);
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string_view head,
                             source.Peek(kMagicBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(const Compressed format,
                             RecognizeCompression(head));
  return ReadAll(*MakeDecompressor(format, &source), 1 << 30);
}

// Compresses partly: text, noise, zeros.
std::string Contents() {
  return std::string(300'000, 'a') + Noise(200'000, 7) +
         std::string(500'000, '\0') + "end";
}

class CompressionTest : public testing::TestWithParam<Compressed> {};

TEST_P(CompressionTest, GivesBackWhatWentIn) {
  const std::string contents = Contents();
  const std::string compressed = Compress(GetParam(), contents);
  EXPECT_LT(compressed.size(), 250'000u);
  EXPECT_TRUE(Decompress(compressed) == contents);
  EXPECT_TRUE(Decompress(compressed, 3) == contents);
  EXPECT_EQ(Decompress(Compress(GetParam(), "")).value_or("?"), "");
}

TEST_P(CompressionTest, PartsFollowEachOther) {
  const std::string whole = Compress(GetParam(), "one,") +
                            Compress(GetParam(), "") +
                            Compress(GetParam(), "two");
  EXPECT_EQ(Decompress(whole).value_or("?"), "one,two");
  EXPECT_EQ(Decompress(whole, 1).value_or("?"), "one,two");
  // As tapes are filled up.
  EXPECT_EQ(Decompress(whole + std::string(10'000, '\0')).value_or("?"),
            "one,two");
}

TEST_P(CompressionTest, TruncatedAndFollowedByOtherBytes) {
  const std::string compressed = Compress(GetParam(), Contents());
  for (const size_t size : {kMagicBytes, size_t{100}, compressed.size() / 2,
                            compressed.size() - 9, compressed.size() - 1}) {
    const auto read = Decompress(std::string_view(compressed).substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code(), ErrorCode::kDataLoss);
  }
  EXPECT_FALSE(Decompress(compressed + "more"));
}

TEST_P(CompressionTest, DamageIsNoticed) {
  const std::string compressed = Compress(GetParam(), Contents());
  EXPECT_FALSE(Decompress(compressed.substr(0, 5000) + "damage" +
                          compressed.substr(5006)));
  for (size_t at = kMagicBytes; at < compressed.size(); at += 9'973) {
    std::string damaged = compressed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto read = Decompress(damaged);
    // Some bits mean nothing.
    if (read) EXPECT_TRUE(*read == Contents()) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CompressionTest,
                         testing::Values(Compressed::kGzip, Compressed::kXz,
                                         Compressed::kZstd));

TEST(CompressionFormatTest, IsRecognisedByTheFirstBytes) {
  const auto recognized = [](std::string_view bytes) {
    return RecognizeCompression(bytes).value_or(Compressed::kNot);
  };
  EXPECT_EQ(recognized("\x1f\x8b\x08"sv), Compressed::kGzip);
  EXPECT_EQ(recognized("LZIP\1"sv), Compressed::kXz);
  EXPECT_EQ(recognized("\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff"sv),
            Compressed::kXz);
  // A frame that may be skipped, as pzstd writes first.
  EXPECT_EQ(recognized("\x50\x2a\x4d\x18\4\0\0\0"sv), Compressed::kZstd);
  EXPECT_EQ(recognized("etc/passwd\0\0\0"sv), Compressed::kNot);
  EXPECT_EQ(recognized(""), Compressed::kNot);
  for (const std::string_view foreign :
       {"BZh91AY&SY"sv, "\x04\x22\x4d\x18"sv, "\x1f\x9d\x90"sv, "PK\3\4"sv,
        "070701000"sv, "!<arch>\n"sv}) {
    const auto format = RecognizeCompression(foreign);
    ASSERT_FALSE(format) << foreign;
    EXPECT_EQ(format.error().code(), ErrorCode::kNotSupported);
  }
  EXPECT_NE(RecognizeCompression("BZh9").error().message().find(
                "bzip2 -dc FILE | driveroot push -"),
            std::string::npos);
}

TEST(CompressionFormatTest, AStreamCannotAskForAnyMemory) {
  // A frame of zstd with a window of 2 GiB, and .lzma with such a dictionary.
  for (const std::string_view bytes :
       {"\x28\xb5\x2f\xfd\0\xa8\1\0\0aaaaaaaaaaaaaaaa"sv,
        "\x5d\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0"sv}) {
    const auto read = Decompress(bytes);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kNotSupported) << read.error();
  }
}

TEST(CompressionFormatTest, NamesOfArchives) {
  const auto format = [](std::string_view path) {
    return CompressionOfName(path).value();
  };
  EXPECT_EQ(format("a/b.tar"), Compressed::kNot);
  EXPECT_EQ(format("b.tar.gz"), Compressed::kGzip);
  EXPECT_EQ(format("b.TGZ"), Compressed::kGzip);
  EXPECT_EQ(format("b.txz"), Compressed::kXz);
  EXPECT_EQ(format("b.tar.zst"), Compressed::kZstd);
  EXPECT_EQ(format("b"), std::nullopt);
  EXPECT_EQ(format("x.tar/folder"), std::nullopt);
  EXPECT_EQ(format("root-12.5"), std::nullopt);
  for (const char* path : {"x.tar.bz2", "x.tbz", "x.zip", "x.cpio", "x.gz",
                           "x.tar.br", "x.tar.lz"}) {
    const auto refused = CompressionOfName(path);
    ASSERT_FALSE(refused) << path;
    EXPECT_NE(refused.error().message().find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace driveroot
