// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/multipart.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace driveroot::fakedrive {
namespace {

struct Parsed {
  int status = 200;
  std::string metadata{};
  std::string content_type{};
  std::string content{};
};

Parsed Parse(const std::string& text) {
  Body body(std::getenv("TEST_TMPDIR"));
  EXPECT_TRUE(body.Append(text));
  const auto upload = ParseMultipart(body, "b");
  if (!upload) return {.status = upload.error().status};
  return {.metadata = upload->metadata,
          .content_type = upload->content_type,
          .content = body.Read(upload->offset, upload->length).value()};
}

const std::string kHead =
    "--b\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{\"a\":1}\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\n";

TEST(Multipart, FindsBothParts) {
  const Parsed parsed = Parse(kHead + "bytes\r\n--b--\r\n");
  EXPECT_EQ(parsed.status, 200);
  EXPECT_EQ(parsed.metadata, "{\"a\":1}");
  EXPECT_EQ(parsed.content_type, "text/plain");
  EXPECT_EQ(parsed.content, "bytes");
  EXPECT_EQ(Parse("\r\n" + kHead + "\r\n--b--").content, "");
  // No line end of its own: the part is empty.
  EXPECT_EQ(Parse(kHead + "--b--").content, "");
}

TEST(Multipart, TakesLineFeedsWhereTheClientUsesThem) {
  const Parsed parsed = Parse(
      "--b\nContent-Type: application/json\n\n{}\n--b\n\nx\r\n--c\r\n--b--");
  EXPECT_EQ(parsed.status, 200);
  EXPECT_EQ(parsed.content, "x\r\n--c\r");
}

TEST(Multipart, FindsTheEndOfLargeContent) {
  // The boundary must be found wherever it lies to the pieces of the search.
  for (const size_t size : {262'144 - 40, 262'144 - 3, 262'144, 524'288 + 7}) {
    const std::string content(size, 'x');
    EXPECT_EQ(Parse(kHead + content + "\r\n--b--").content, content) << size;
  }
}

TEST(Multipart, RefusesWhatIsMalformed) {
  for (const std::string& text : std::initializer_list<std::string>{
           "", "x", "--b", "--b\r\n", "--c\r\n\r\n", kHead, kHead + "x",
           kHead + "x\r\n--b", kHead + "x\r\n--b\r\n\r\nthird\r\n--b--",
           "--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--",
           "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--",
           "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--"})
    EXPECT_EQ(Parse(text).status, 400) << text;
}

TEST(MultipartBoundary, ReadsTheHeader) {
  EXPECT_EQ(MultipartBoundary("multipart/related; boundary=abc"), "abc");
  EXPECT_EQ(MultipartBoundary("Multipart/Related;type=x; Boundary=\"a b\""),
            "a b");
  EXPECT_EQ(MultipartBoundary("multipart/related"), "");
  EXPECT_EQ(MultipartBoundary("multipart/form-data; boundary=abc"), "");
  EXPECT_EQ(
      MultipartBoundary("multipart/related; boundary=" + std::string(71, 'x')),
      "");
}

}  // namespace
}  // namespace driveroot::fakedrive
