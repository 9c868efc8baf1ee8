// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/api_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/fake_clock.h"
#include "driveroot/net/fake_transport.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/token_source.h"
#include "driveroot/net/pacer.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

using std::chrono::minutes;

constexpr std::string_view kTokenUrl = "https://h/token";

// A transport that gives token-1, token-2, … and answers calls by `answer`.
class ApiClientTest : public testing::Test {
 protected:
  ApiClientTest() {
    transport_.handler =
        [this](const FakeTransport::Seen& seen) -> Result<HttpResponse> {
      if (seen.url != kTokenUrl) return answer_(seen);
      return JsonResponse(200, R"({"access_token":"token-)" +
                                   std::to_string(++tokens_given_) +
                                   R"(","expires_in":3599})");
    };
  }

  Result<HttpResponse> Call(Pacer* pacer = nullptr) {
    return client_.Call({.call = "files.get", .url = "https://h/x"}, {}, pacer);
  }

  FakeClock clock_;
  FakeTransport transport_;
  FakeTransport::Handler answer_;
  int tokens_given_ = 0;
  TokenSource tokens_{
      &transport_, &clock_,
      Credentials{.client = {.id = "id", .secret = Secret("secret")},
                  .refresh_token = Secret("refresh"),
                  .token_uri = ""},
      std::string(kTokenUrl)};
  ApiClient client_{
      &transport_, &tokens_, &clock_, RetryLimit::Within(minutes(2)), {}};
};

TEST_F(ApiClientTest, SendsTheTokenAndKeepsIt) {
  answer_ = [](const FakeTransport::Seen& seen) {
    EXPECT_EQ(seen.bearer, "token-1");
    return JsonResponse(200, "{}");
  };
  EXPECT_TRUE(Call());
  EXPECT_TRUE(Call());
  EXPECT_EQ(transport_.requests.size(), 3u);
}

TEST_F(ApiClientTest, RenewsARefusedTokenOnce) {
  answer_ = [](const FakeTransport::Seen& seen) {
    return seen.bearer == "token-1" ? GoogleErrorResponse(401, "authError")
                                    : JsonResponse(200, "{}");
  };
  EXPECT_TRUE(Call());
  EXPECT_EQ(tokens_given_, 2);
  EXPECT_TRUE(clock_.sleeps().empty());
}

TEST_F(ApiClientTest, GivesUpWhenTheNewTokenIsRefusedToo) {
  answer_ = [](const FakeTransport::Seen&) {
    return GoogleErrorResponse(401, "authError");
  };
  const Result<HttpResponse> response = Call();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(response.error().message().contains("driveroot login"));
  EXPECT_EQ(tokens_given_, 2);
}

TEST_F(ApiClientTest, RetriesOnAFreshConnectionAfterABrokenOne) {
  int calls = 0;
  answer_ = [&](const FakeTransport::Seen& seen) -> Result<HttpResponse> {
    EXPECT_EQ(seen.fresh_connection, calls > 0);
    if (++calls == 1) return Fail(ErrorCode::kUnavailable, "reset");
    return JsonResponse(200, "{}");
  };
  EXPECT_TRUE(Call());
  EXPECT_EQ(clock_.sleeps().size(), 1u);
}

TEST_F(ApiClientTest, ARateLimitSlowsLaterCallsDown) {
  bool limited = true;
  answer_ = [&](const FakeTransport::Seen&) {
    return std::exchange(limited, false)
               ? GoogleErrorResponse(403, "userRateLimitExceeded")
               : JsonResponse(200, "{}");
  };
  Pacer pacer;
  EXPECT_TRUE(Call(&pacer));
  EXPECT_EQ(client_.retrier().rate_limited(), 1u);
  EXPECT_TRUE(Call(&pacer));
  EXPECT_EQ(clock_.sleeps().back(), std::chrono::milliseconds(334));
}

TEST_F(ApiClientTest, NoErrorHoldsAToken) {
  for (const int status : {400, 401, 403, 404, 500}) {
    answer_ = [&](const FakeTransport::Seen&) {
      return GoogleErrorResponse(status, "x");
    };
    const Result<HttpResponse> response = Call();
    ASSERT_FALSE(response);
    for (const char* secret : {"token-", "refresh", "secret"}) {
      EXPECT_FALSE(response.error().message().contains(secret));
    }
  }
}

}  // namespace
}  // namespace driveroot
