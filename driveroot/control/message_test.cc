// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/message.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace driveroot {
namespace {

std::string_view Body(const std::string& line) {
  EXPECT_TRUE(line.ends_with('\n'));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return std::string_view(line).substr(0, line.size() - 1);
}

TEST(MessageTest, RequestsOfAnyBytesArriveAsTheyAre) {
  std::string every_byte;
  for (int byte = 1; byte < 256; ++byte) {
    every_byte += static_cast<char>(byte);
  }
  for (const std::string& text :
       {std::string("/tmp/a\"b.tar"), std::string("a\nb\\"), std::string(),
        std::string("{\"command\":\"discard\"}"), std::string(4096, '\x01'),
        std::string("\xff\xfe\xc3"), every_byte}) {
    const ControlRequest request{.command = "save", .arguments = {text, "x"}};
    const Result<std::string> line = EncodeRequest(request);
    ASSERT_TRUE(line) << line.error();
    const Result<ControlRequest> parsed = ParseRequest(Body(*line));
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(*parsed, request);
  }
  EXPECT_EQ(EncodeRequest({.command = "status"}).value(),
            "{\"command\":\"status\"}\n");
}

TEST(MessageTest, RefusesWhatIsNoRequest) {
  for (const std::string& line :
       {std::string(), std::string(" "), std::string("status"),
        std::string("[]"), std::string("{}"), std::string("{\"command\":1}"),
        std::string("{\"command\":\"\"}"),
        std::string("{\"command\":\"a\\u0000b\"}"),
        std::string("{\"command\":\"a\",\"arguments\":\"b\"}"),
        std::string("{\"command\":\"a\",\"arguments\":[1]}"),
        std::string("{\"command\":\"a\",\"arguments\":[\"b\\u0000\"]}"),
        std::string("{\"command\":\"a\"} {}"),
        "{\"command\":\"" + std::string(kMaxRequestBytes, 'a') + "\"}",
        std::string(60'000, '[')}) {
    EXPECT_EQ(ParseRequest(line).error().code(), ErrorCode::kInvalidArgument)
        << line.substr(0, 40);
  }
}

TEST(MessageTest, SendsNothingThatWouldBeRefused) {
  EXPECT_FALSE(EncodeRequest({.command = ""}));
  EXPECT_FALSE(EncodeRequest({.command = std::string("a\0b", 3)}));
  EXPECT_FALSE(
      EncodeRequest({.command = "a", .arguments = {kMaxArguments + 1, "b"}}));
  EXPECT_EQ(EncodeRequest({.command = std::string(kMaxRequestBytes, 'a')})
                .error()
                .code(),
            ErrorCode::kArgumentTooBig);
}

TEST(MessageTest, Answers) {
  auto answer = ParseAnswer(
      Body(EncodeProgress({.text = "up\"load", .done = 3, .total = 12})));
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<ControlProgress>(*answer),
            (ControlProgress{.text = "up\"load", .done = 3, .total = 12}));
  answer = ParseAnswer(Body(EncodeError("no\nroom\x1b[2J")));
  ASSERT_TRUE(answer);
  // Nothing that a terminal obeys.
  EXPECT_EQ(std::get<ControlError>(*answer).message, "no room [2J");
  EXPECT_EQ(EncodeDone("\"a\":1"), "{\"ok\":true,\"a\":1}\n");
  answer = ParseAnswer(Body(EncodeDone("")));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(std::holds_alternative<ControlDone>(*answer));
  for (const char* line : {"", "x", "[]", "{}", "{\"ok\":false}"}) {
    EXPECT_EQ(ParseAnswer(line).error().code(), ErrorCode::kDataLoss) << line;
  }
}

TEST(LineSplitterTest, CutsAtLineEnds) {
  LineSplitter lines(4);
  lines.Add("ab");
  EXPECT_EQ(lines.Next().value(), std::nullopt);
  lines.Add("c\n\nabcd\nabc");
  EXPECT_EQ(lines.Next().value(), "abc");
  EXPECT_EQ(lines.Next().value(), "");
  EXPECT_EQ(lines.Next().value(), "abcd");
  EXPECT_EQ(lines.Next().value(), std::nullopt);
  lines.Add("de");
  EXPECT_EQ(lines.Next().error().code(), ErrorCode::kArgumentTooBig);
  LineSplitter others(4);
  others.Add("abcde\n");
  EXPECT_EQ(others.Next().error().code(), ErrorCode::kArgumentTooBig);
}

}  // namespace
}  // namespace driveroot
