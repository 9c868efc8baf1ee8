// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/token_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/fake_clock.h"
#include "driveroot/net/fake_transport.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

class TokenSourceTest : public testing::Test {
 protected:
  TokenSourceTest() {
    transport_.handler = [this](const FakeTransport::Seen&) {
      ++given_;
      return JsonResponse(200, R"({"access_token":"token-)" +
                                   std::to_string(given_) +
                                   R"(","expires_in":3600,"scope":"x"})");
    };
  }

  std::string Token() {
    const auto token = source_.Get();
    return token ? std::string((*token)->reveal())
                 : token.error().error.ToString();
  }

  FakeClock clock_;
  FakeTransport transport_;
  int given_ = 0;
  TokenSource source_{
      &transport_, &clock_,
      Credentials{.client = {.id = "the id", .secret = Secret("the secret")},
                  .refresh_token = Secret("1//refresh"),
                  .token_uri = ""},
      "https://h/token"};
};

TEST_F(TokenSourceTest, AsksOnceAndKeepsTheToken) {
  EXPECT_EQ(Token(), "token-1");
  EXPECT_EQ(Token(), "token-1");
  ASSERT_EQ(transport_.requests.size(), 1u);
  EXPECT_EQ(transport_.requests[0].url, "https://h/token");
  EXPECT_EQ(transport_.requests[0].method, "POST");
  EXPECT_EQ(transport_.requests[0].body,
            "client_id=the%20id&client_secret=the%20secret&"
            "refresh_token=1%2F%2Frefresh&grant_type=refresh_token");
}

TEST_F(TokenSourceTest, RenewsAheadOfTheEnd) {
  EXPECT_EQ(Token(), "token-1");
  clock_.Advance(seconds(3299));
  EXPECT_EQ(Token(), "token-1");
  clock_.Advance(seconds(2));
  EXPECT_EQ(Token(), "token-2");
}

TEST_F(TokenSourceTest, AFailedRenewalLeavesAGoodToken) {
  EXPECT_EQ(Token(), "token-1");
  transport_.handler = [](const FakeTransport::Seen&) -> Result<HttpResponse> {
    return Fail(ErrorCode::kUnavailable, "no line");
  };
  clock_.Advance(seconds(3400));
  EXPECT_EQ(Token(), "token-1");
  EXPECT_EQ(Token(), "token-1");
  EXPECT_EQ(transport_.requests.size(), 2u);
  clock_.Advance(seconds(300));
  EXPECT_EQ(Token(), "Unavailable: no line");
}

TEST_F(TokenSourceTest, InvalidateForgetsThatTokenOnly) {
  EXPECT_EQ(Token(), "token-1");
  source_.Invalidate(Secret("another"));
  EXPECT_EQ(Token(), "token-1");
  source_.Invalidate(Secret("token-1"));
  EXPECT_EQ(Token(), "token-2");
  source_.Invalidate(Secret("token-1"));
  EXPECT_EQ(Token(), "token-2");
}

TEST_F(TokenSourceTest, ManyThreadsCauseOneRequest) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] { EXPECT_EQ(Token(), "token-1"); });
  }
  threads.clear();
  EXPECT_EQ(given_, 1);
}

TEST_F(TokenSourceTest, ADeadRefreshTokenIsExplained) {
  transport_.handler = [](const FakeTransport::Seen&) {
    return JsonResponse(400, R"({"error":"invalid_grant","error_description":)"
                             R"("Token has been expired or revoked."})");
  };
  const auto token = source_.Get();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().retry, RetryClass::kSignIn);
  EXPECT_EQ(token.error().error.code(), ErrorCode::kUnauthenticated);
  for (const char* words : {"expired", "revoked", "6 months", "7 days",
                            "\"Testing\"", "driveroot login"}) {
    EXPECT_TRUE(token.error().error.message().contains(words)) << words;
  }
  EXPECT_FALSE(token.error().error.message().contains("1//"));
}

TEST_F(TokenSourceTest, NewerCredentialsTakeThePlaceOfRefusedOnes) {
  std::optional<Credentials> file;
  TokenSource source(
      &transport_, &clock_,
      Credentials{.client = {.id = "id", .secret = Secret("secret")},
                  .refresh_token = Secret("old"),
                  .token_uri = ""},
      "https://h/token", [&file] { return std::exchange(file, std::nullopt); });
  transport_.handler = [](const FakeTransport::Seen& seen) {
    if (seen.body.contains("refresh_token=new")) {
      return JsonResponse(200, R"({"access_token":"t","expires_in":3600})");
    }
    return JsonResponse(400, R"({"error":"invalid_grant"})");
  };
  EXPECT_FALSE(source.Get());
  // The server is not asked again and again, but now and then.
  for (int i = 0; i < 10; ++i) {
    const auto token = source.Get();
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().retry, RetryClass::kSignIn);
    EXPECT_EQ(token.error().error.code(), ErrorCode::kUnauthenticated);
  }
  EXPECT_EQ(transport_.requests.size(), 1u);
  clock_.Advance(seconds(60));
  EXPECT_FALSE(source.Get());
  EXPECT_EQ(transport_.requests.size(), 2u);
  file = Credentials{.client = {.id = "id", .secret = Secret("secret")},
                     .refresh_token = Secret("new"),
                     .token_uri = ""};
  const auto token = source.Get();
  ASSERT_TRUE(token);
  EXPECT_EQ((*token)->reveal(), "t");
}

TEST_F(TokenSourceTest, AServerInTroubleIsAskedAgain) {
  for (const int status : {500, 503, 429}) {
    transport_.handler = [status](const FakeTransport::Seen&) {
      return JsonResponse(status, "<html>");
    };
    const auto token = source_.Get();
    ASSERT_FALSE(token);
    EXPECT_NE(token.error().retry, RetryClass::kNever);
    EXPECT_EQ(token.error().error.code(), ErrorCode::kUnavailable);
  }
}

TEST_F(TokenSourceTest, HostileRepliesAreNotBelieved) {
  for (const std::string_view body :
       {"", "[]", "{}", R"({"access_token":7,"expires_in":1})",
        R"({"access_token":"","expires_in":1})",
        R"({"access_token":"a\r\nX-Evil: 1","expires_in":1})",
        R"({"access_token":"a b","expires_in":1})", R"({"access_token":"a"})",
        R"({"access_token":"a","expires_in":-1})"}) {
    transport_.handler = [body](const FakeTransport::Seen&) {
      return JsonResponse(200, std::string(body));
    };
    const auto token = source_.Get();
    ASSERT_FALSE(token) << body;
    EXPECT_EQ(token.error().error.code(), ErrorCode::kUnavailable) << body;
  }
}

TEST_F(TokenSourceTest, ASenselessLifetimeIsBounded) {
  transport_.handler = [this](const FakeTransport::Seen&) {
    ++given_;
    return JsonResponse(
        200, R"({"access_token":"a","expires_in":18446744073709551615})");
  };
  EXPECT_EQ(Token(), "a");
  clock_.Advance(std::chrono::hours(25));
  EXPECT_EQ(Token(), "a");
  EXPECT_EQ(given_, 2);
}

}  // namespace
}  // namespace driveroot
