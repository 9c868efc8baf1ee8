// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/sign_in.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/fake_clock.h"
#include "driveroot/net/fake_transport.h"
#include "driveroot/net/http.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/device_flow.h"
#include "driveroot/net/oauth/loopback_flow.h"
#include "driveroot/net/retry.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

constexpr std::string_view kTokens =
    R"({"access_token":"a","refresh_token":"r","expires_in":3599})";

HttpResponse Refusal(int status, const std::string& name) {
  return JsonResponse(status, R"({"error":")" + name + R"("})");
}

class DeviceFlowTest : public testing::Test {
 protected:
  // Answers polls one after another, the last one for ever.
  Result<Credentials> Finish(std::vector<Result<HttpResponse>> answers) {
    size_t next = 0;
    transport_.handler = [&](const FakeTransport::Seen&) {
      const size_t now = next;
      if (next + 1 < answers.size()) ++next;
      return answers[now];
    };
    return FinishDeviceFlow(context_, client_,
                            {.device_code = Secret("the device code"),
                             .user_code = "ABCD",
                             .verification_url = "https://h/device",
                             .expires_in = seconds(60),
                             .interval = seconds(5)});
  }

  FakeClock clock_;
  FakeTransport transport_;
  Retrier retrier_{&clock_, RetryLimit::Within(seconds(10)), {}};
  Endpoints endpoints_ = *MakeEndpoints("https://h");
  SignInContext context_{&transport_, &clock_, &retrier_, &endpoints_};
  OAuthClient client_{.id = "i", .secret = Secret("s")};
};

TEST_F(DeviceFlowTest, StartsWithTheNarrowestScope) {
  transport_.handler = [](const FakeTransport::Seen& seen) {
    EXPECT_EQ(seen.url, "https://h/device/code");
    EXPECT_TRUE(seen.body.ends_with("auth%2Fdrive.file"));
    return JsonResponse(
        200, R"({"device_code":"d","user_code":"ABCD-EFGH","interval":5,)"
             R"("verification_url":"https://h/device","expires_in":1800})");
  };
  const auto device = StartDeviceFlow(context_, client_);
  ASSERT_TRUE(device) << device.error();
  EXPECT_EQ(device->user_code, "ABCD-EFGH");
  EXPECT_EQ(device->expires_in, seconds(1800));
}

TEST_F(DeviceFlowTest, HostileStartsAreRefused) {
  for (const std::string_view body :
       {"", "{}", R"({"device_code":"d","user_code":"A","expires_in":1})",
        R"({"device_code":"d","user_code":"\u001b]0;x","expires_in":1,)"
        R"("verification_url":"https://h"})"}) {
    transport_.handler = [body](const FakeTransport::Seen&) {
      return JsonResponse(200, std::string(body));
    };
    const auto device = StartDeviceFlow(context_, client_);
    ASSERT_FALSE(device) << body;
    EXPECT_EQ(device.error().code(), ErrorCode::kDataLoss);
  }
}

TEST_F(DeviceFlowTest, WaitsUntilTheUserAgrees) {
  const auto credentials =
      Finish({Refusal(428, "authorization_pending"), Refusal(403, "slow_down"),
              Fail(ErrorCode::kUnavailable, "no line"), Refusal(503, ""),
              JsonResponse(200, std::string(kTokens))});
  ASSERT_TRUE(credentials) << credentials.error();
  EXPECT_EQ(credentials->refresh_token.reveal(), "r");
  EXPECT_EQ(credentials->client.id, "i");
  EXPECT_EQ(clock_.sleeps(),
            (std::vector<Clock::Duration>{seconds(5), seconds(5), seconds(10),
                                          seconds(10), seconds(10)}));
}

TEST_F(DeviceFlowTest, ADeclineIsFinal) {
  const auto credentials = Finish({Refusal(403, "access_denied")});
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(transport_.requests.size(), 1u);
}

TEST_F(DeviceFlowTest, TheCodeExpires) {
  const auto credentials = Finish({Refusal(428, "authorization_pending")});
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(credentials.error().message().contains("expired"));
}

TEST_F(DeviceFlowTest, AReplyWithoutRefreshTokenIsExplained) {
  const auto credentials =
      Finish({JsonResponse(200, R"({"access_token":"a","expires_in":3599})")});
  ASSERT_FALSE(credentials);
  EXPECT_TRUE(credentials.error().message().contains("no refresh token"));
}

TEST(LoopbackFlow, ChallengeIsThatOfTheRfc) {
  // RFC 7636, appendix B.
  EXPECT_EQ(PkceChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(LoopbackFlow, EachSignInHasItsOwnStateAndVerifier) {
  const Endpoints endpoints = *MakeEndpoints("https://h");
  const OAuthClient client{.id = "i", .secret = Secret("the-secret")};
  const auto first = LoopbackFlow::Start(client, endpoints);
  const auto second = LoopbackFlow::Start(client, endpoints);
  ASSERT_TRUE(first && second);
  for (const char* part :
       {"https://h/o/oauth2/v2/auth?client_id=i&", "code_challenge_method=S256",
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A", "access_type=offline"}) {
    EXPECT_TRUE(first->url().contains(part)) << first->url();
  }
  EXPECT_FALSE(first->url().contains("the-secret"));
  const auto parameter = [](const std::string& url, const std::string& name) {
    const size_t start = url.find(name + "=") + name.size() + 1;
    return url.substr(start, url.find('&', start) - start);
  };
  EXPECT_EQ(parameter(first->url(), "state").size(), 43u);
  EXPECT_NE(parameter(first->url(), "state"),
            parameter(second->url(), "state"));
  EXPECT_NE(parameter(first->url(), "code_challenge"),
            parameter(second->url(), "code_challenge"));
}

TEST(LoopbackFlow, GivesUpWhenNobodyComes) {
  FakeClock clock;
  FakeTransport transport;
  const Retrier retrier(&clock, RetryLimit::Within(seconds(1)), {});
  const Endpoints endpoints = *MakeEndpoints("https://h");
  auto flow =
      LoopbackFlow::Start({.id = "i", .secret = Secret("s")}, endpoints);
  ASSERT_TRUE(flow);
  const auto credentials =
      flow->Finish({&transport, &clock, &retrier, &endpoints}, seconds(0));
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace driveroot
