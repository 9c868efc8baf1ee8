// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/batch.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot::fakedrive {
namespace {

constexpr char kType[] = "multipart/mixed; boundary=\"b1\"";

TEST(BatchTest, TakesCallsApart) {
  const auto calls = ParseBatch(
      "preamble\r\n--b1\r\n"
      "Content-Type: application/http\r\nContent-ID: <one+1>\r\n\r\n"
      "GET /drive/v3/files/x?fields=id HTTP/1.1\r\nX-A: b\r\n\r\n\r\n"
      "--b1\r\nContent-Type: application/http\r\n\r\n"
      "PATCH https://h/drive/v3/files/y\r\nContent-Type: application/json\r\n"
      "Content-Length: 12\r\n\r\n{\"name\":\"n\"}\r\n--b1--",
      kType);
  ASSERT_TRUE(calls) << calls.error().message;
  ASSERT_EQ(calls->size(), 2U);
  EXPECT_EQ((*calls)[0].content_id, "<one+1>");
  EXPECT_EQ((*calls)[0].head.method, "GET");
  EXPECT_EQ((*calls)[0].head.target, "/drive/v3/files/x?fields=id");
  EXPECT_EQ(*(*calls)[0].head.headers.Find("x-a"), "b");
  EXPECT_EQ((*calls)[1].head.target, "/drive/v3/files/y");
  EXPECT_EQ((*calls)[1].body, R"({"name":"n"})");
}

TEST(BatchTest, RefusesWhatIsNone) {
  const std::string good =
      "--b1\r\nContent-Type: application/http\r\n\r\nGET /x\r\n\r\n\r\n";
  EXPECT_TRUE(ParseBatch(good + "--b1--", kType));
  EXPECT_FALSE(ParseBatch(good, kType));  // no end
  EXPECT_FALSE(ParseBatch(good + "--b1--", "multipart/mixed"));
  EXPECT_FALSE(ParseBatch("--b1--", kType));  // no call
  EXPECT_FALSE(ParseBatch(
      "--b1\r\nContent-Type: text/plain\r\n\r\nGET /x\r\n\r\n\r\n--b1--",
      kType));
  EXPECT_FALSE(
      ParseBatch("--b1\r\nContent-Type: application/http\r\n\r\n"
                 "GET /x\r\nContent-Length: 9\r\n\r\nshort\r\n--b1--",
                 kType));
  std::string many;
  for (int i = 0; i < 101; ++i) many += good;
  EXPECT_FALSE(ParseBatch(many + "--b1--", kType));
}

TEST(BatchTest, AnswersNameTheirCalls) {
  const Response response = FormatBatch(
      {{.content_id = "<one>",
        .response = TextResponse(200, "text/plain", "a")},
       {.content_id = "", .response = TextResponse(404, "text/plain", "b")}});
  EXPECT_NE(response.text.find("Content-ID: <response-one>\r\n"),
            std::string::npos);
  EXPECT_NE(response.text.find("HTTP/1.1 404 Not Found\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace driveroot::fakedrive
