// SPDX-License-Identifier: Apache-2.0
//
// Every library links into one static program, is the version that its
// checked-in configuration was made for, and does the simplest thing that it is
// used for.
// The interface of libfuse that driveroot is written for.
#define FUSE_USE_VERSION 317

#include <ares.h>
#include <curl/curl.h>
#include <elf.h>
#include <fuse_lowlevel.h>
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <nghttp2/nghttp2.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "rapidjson/document.h"

DEFINE_int32(smoke_number, 3, "a flag to read back");

namespace {

std::string SampleText() {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + " inodes\n";
  return text;
}

bool Lists(const char* const* protocols, const std::string& wanted) {
  for (; *protocols != nullptr; ++protocols) {
    if (wanted == *protocols) return true;
  }
  return false;
}

TEST(Smoke, ProgramIsStatic) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Elf64_Ehdr header;
  ASSERT_GE(bytes.size(), sizeof(header));
  std::memcpy(&header, bytes.data(), sizeof(header));
  ASSERT_EQ(std::memcmp(header.e_ident, ELFMAG, SELFMAG), 0);
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const size_t offset = header.e_phoff + i * sizeof(segment);
    ASSERT_LE(offset + sizeof(segment), bytes.size());
    std::memcpy(&segment, bytes.data() + offset, sizeof(segment));
    EXPECT_NE(segment.p_type, static_cast<Elf64_Word>(PT_INTERP));
    EXPECT_NE(segment.p_type, static_cast<Elf64_Word>(PT_DYNAMIC));
  }
}

TEST(Smoke, CompiledByThePinnedClang) { EXPECT_EQ(__clang_major__, 19); }

TEST(Smoke, CurlSpeaksHttp2OverBoringsslWithCares) {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  EXPECT_EQ(info->version_num, static_cast<unsigned>(LIBCURL_VERSION_NUM));
  EXPECT_NE(info->features & CURL_VERSION_HTTP2, 0);
  EXPECT_NE(info->features & CURL_VERSION_SSL, 0);
  EXPECT_NE(info->features & CURL_VERSION_ASYNCHDNS, 0);
  EXPECT_NE(info->features & CURL_VERSION_IPV6, 0);
  ASSERT_NE(info->ssl_version, nullptr);
  EXPECT_NE(std::string(info->ssl_version).find("BoringSSL"),
            std::string::npos);
  ASSERT_NE(info->ares, nullptr);
  EXPECT_STREQ(info->ares, ARES_VERSION_STR);
  EXPECT_TRUE(Lists(info->protocols, "https"));
  EXPECT_FALSE(Lists(info->protocols, "ftp"));
}

TEST(Smoke, HeadersAndLibrariesAreOfOneVersion) {
  EXPECT_STREQ(ares_version(nullptr), ARES_VERSION_STR);
  EXPECT_STREQ(nghttp2_version(0)->version_str, NGHTTP2_VERSION);
  EXPECT_EQ(ZSTD_versionNumber(), static_cast<unsigned>(ZSTD_VERSION_NUMBER));
  EXPECT_STREQ(zlibVersion(), ZLIB_VERSION);
  EXPECT_EQ(lzma_version_number(), LZMA_VERSION);
  EXPECT_EQ(fuse_version(), FUSE_VERSION);
}

TEST(Smoke, BoringsslHashesAndMakesTlsContexts) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>("abc"), 3, digest);
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[1], 0x78);
  EXPECT_EQ(digest[31], 0xad);
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(
      SSL_CTX_new(TLS_method()), SSL_CTX_free);
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION), 1);
}

TEST(Smoke, ZstdWithThreads) {
  const std::string text = SampleText();
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(
      ZSTD_createCCtx(), ZSTD_freeCCtx);
  ASSERT_FALSE(
      ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_nbWorkers, 2)));
  std::vector<char> packed(ZSTD_compressBound(text.size()));
  const size_t size = ZSTD_compress2(context.get(), packed.data(),
                                     packed.size(), text.data(), text.size());
  ASSERT_FALSE(ZSTD_isError(size));
  EXPECT_LT(size, text.size());
  std::string unpacked(text.size(), '\0');
  EXPECT_EQ(
      ZSTD_decompress(unpacked.data(), unpacked.size(), packed.data(), size),
      text.size());
  EXPECT_TRUE(unpacked == text);
}

TEST(Smoke, XzAndZlib) {
  const std::string text = SampleText();
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  std::string unpacked(text.size(), '\0');
  auto* output = reinterpret_cast<uint8_t*>(unpacked.data());

  std::vector<uint8_t> xz(lzma_stream_buffer_bound(text.size()));
  size_t xz_size = 0;
  ASSERT_EQ(
      lzma_easy_buffer_encode(6, LZMA_CHECK_SHA256, nullptr, bytes, text.size(),
                              xz.data(), &xz_size, xz.size()),
      LZMA_OK);
  uint64_t memory = UINT64_MAX;
  size_t from = 0;
  size_t to = 0;
  ASSERT_EQ(lzma_stream_buffer_decode(&memory, 0, nullptr, xz.data(), &from,
                                      xz_size, output, &to, unpacked.size()),
            LZMA_OK);
  EXPECT_TRUE(unpacked == text);

  std::vector<uint8_t> deflated(compressBound(text.size()));
  uLongf deflated_size = deflated.size();
  ASSERT_EQ(compress(deflated.data(), &deflated_size, bytes, text.size()),
            Z_OK);
  unpacked.assign(text.size(), '\0');
  uLongf size = unpacked.size();
  ASSERT_EQ(uncompress(output, &size, deflated.data(), deflated_size), Z_OK);
  EXPECT_TRUE(unpacked == text);
}

TEST(Smoke, RapidjsonParses) {
  rapidjson::Document document;
  document.Parse(R"({"files": [{"id": "a"}]})");
  ASSERT_FALSE(document.HasParseError());
  EXPECT_STREQ(document["files"][0]["id"].GetString(), "a");
}

TEST(Smoke, GflagsAndGlogKnowEachOther) {
  EXPECT_EQ(FLAGS_smoke_number, 3);
  EXPECT_FALSE(gflags::SetCommandLineOption("smoke_number", "4").empty());
  EXPECT_EQ(FLAGS_smoke_number, 4);
  // glog's own flags are gflags.
  gflags::CommandLineFlagInfo info;
  EXPECT_TRUE(gflags::GetCommandLineFlagInfo("minloglevel", &info));
  EXPECT_EQ(google::GetLogSeverityName(google::GLOG_WARNING),
            std::string("WARNING"));
}

}  // namespace
