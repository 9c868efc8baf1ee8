// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/http1_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace driveroot::fakedrive {
namespace {

using Event = Http1Parser::Event;

struct Outcome {
  std::vector<std::string> requests;  // "METHOD target body"
  int error = 0;
};

// Feeds `text` in pieces of `step` bytes.
Outcome Feed(std::string_view text, size_t step) {
  Http1Parser parser;
  Outcome outcome;
  std::string body;
  while (!text.empty()) {
    parser.Append(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
    for (bool more = true; more;) {
      switch (parser.Next()) {
        case Event::kNeedMore:
          more = false;
          break;
        case Event::kHead:
          body.clear();
          break;
        case Event::kBody:
          body += parser.body();
          break;
        case Event::kEnd:
          outcome.requests.push_back(parser.head().method + " " +
                                     parser.head().target + " " + body);
          break;
        case Event::kError:
          outcome.error = parser.error_status();
          return outcome;
      }
    }
  }
  return outcome;
}

TEST(Http1Parser, ReadsRequestsHoweverTheyAreCut) {
  const std::string text =
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /b HTTP/1.1\r\nhost:h\r\nContent-Length: 5\r\n\r\nhello"
      "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "4;name=value\r\nwiki\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
      "\r\nGET /d HTTP/1.0\r\n\r\n";
  for (size_t step : {size_t{1}, size_t{2}, size_t{7}, text.size()}) {
    const Outcome outcome = Feed(text, step);
    EXPECT_EQ(outcome.error, 0) << step;
    EXPECT_EQ(outcome.requests,
              (std::vector<std::string>{"GET /a ", "POST /b hello",
                                        "PUT /c wiki0123456789", "GET /d "}))
        << step;
  }
}

TEST(Http1Parser, TellsOfTheConnection) {
  const auto head = [](const std::string& fields, const char* version) {
    Http1Parser parser;
    parser.Append("PUT / HTTP/" + std::string(version) + "\r\nHost: h\r\n" +
                  fields + "\r\n");
    EXPECT_EQ(parser.Next(), Event::kHead);
    return std::pair(parser.keep_alive(), parser.expects_continue());
  };
  EXPECT_EQ(head("", "1.1"), std::pair(true, false));
  EXPECT_EQ(head("Connection: foo, Close\r\n", "1.1"), std::pair(false, false));
  EXPECT_EQ(head("", "1.0"), std::pair(false, false));
  EXPECT_EQ(head("Connection: keep-alive\r\n", "1.0"), std::pair(true, false));
  EXPECT_EQ(head("Expect: 100-Continue\r\nContent-Length: 1\r\n", "1.1"),
            std::pair(true, true));
}

struct Bad {
  const char* text;
  int status;
};

class Http1ParserRefuses : public testing::TestWithParam<Bad> {};

TEST_P(Http1ParserRefuses, Malformed) {
  for (size_t step : {size_t{1}, size_t{1000}}) {
    const Outcome outcome = Feed(GetParam().text, step);
    EXPECT_EQ(outcome.error, GetParam().status) << GetParam().text;
    EXPECT_TRUE(outcome.requests.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Http1ParserRefuses,
    testing::Values(
        Bad{"GET / HTTP/1.1\nHost: h\n\n", 400},  // Bare LF.
        Bad{"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400},
        Bad{"GET /\r\n\r\n", 400},                       // No version.
        Bad{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},  // Two blanks.
        Bad{"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Bad{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        Bad{"GET / FTP/1.1\r\nHost: h\r\n\r\n", 400},
        Bad{"GET / HTTP/1.1\r\n\r\n", 400},  // No host.
        Bad{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        Bad{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},  // Blank before colon.
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400},  // Folded.
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nA: \x01\r\n\r\n", 400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
            "Content-Length: 2\r\n\r\n",
            400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
            "Transfer-Encoding: chunked\r\n\r\n",
            400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            501},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "x\r\n",
            400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "-1\r\n",
            400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "11111111111111111\r\n",
            400},
        Bad{"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\nab\r\n",
            400}));

TEST(Http1Parser, LimitsWhatItStores) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(Feed(start + "A: " + std::string(70'000, 'x'), 4096).error, 431);
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "A: b\r\n";
  EXPECT_EQ(Feed(start + fields + "\r\n", 4096).error, 431);
  const std::string chunked =
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(Feed(chunked + "1;" + std::string(2000, 'x'), 100).error, 400);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 20'000; ++i) trailers += "A: b\r\n";
  EXPECT_EQ(Feed(chunked + trailers, 4096).error, 431);
}

}  // namespace
}  // namespace driveroot::fakedrive
