// SPDX-License-Identifier: Apache-2.0
//
// OAuth at the real program: refresh, device flow, authorisation code.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/fakedrive/testing/test_client.h"

namespace driveroot::fakedrive {
namespace {

constexpr char kDeviceGrant[] =
    "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=";
// The example of RFC 7636, appendix B.
constexpr char kVerifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr char kChallenge[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

class OAuthTest : public testing::Test {
 protected:
  void SetUp() override {
    auto drive = FakeDriveProcess::Start(
        {.flags = {"--device_interval_s=0", "--device_pending_polls=2"}});
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    client_ =
        std::make_unique<TestClient>(drive_.get(), CURL_HTTP_VERSION_2TLS);
  }

  TestAnswer PostForm(const std::string& path, const std::string& form) {
    return client_->Do(
        {.method = "POST", .path = path, .body = form, .with_token = false});
  }

  std::string DeviceCode() {
    const TestAnswer answer = PostForm(
        "/device/code",
        "client_id=" + Escape(client_->Credential("client_id")) +
            "&scope=" + Escape("https://www.googleapis.com/auth/drive.file"));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Escape(answer.Field("device_code"));
  }

  // Where the consent page sends the browser.
  std::string Consent(const std::string& more) {
    TestAnswer answer = client_->Do(
        {.path = "/o/oauth2/v2/auth?response_type=code&scope=x&state=a%26b&"
                 "client_id=" +
                 Escape(client_->Credential("client_id")) + "&" + more,
         .with_token = false});
    return answer.status == 302 ? answer.headers["location"] : "";
  }

  bool Works(const std::string& token) {
    client_->set_token(token);
    return client_->Get("/drive/v3/files").status == 200;
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  std::unique_ptr<TestClient> client_;
};

TEST_F(OAuthTest, Refreshes) {
  const TestAnswer answer = client_->LogIn();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Field("token_type"), "Bearer");
  EXPECT_TRUE(Works(answer.Field("access_token")));
  EXPECT_EQ(
      client_->Token("grant_type=refresh_token&refresh_token=x").Field("error"),
      "invalid_grant");
  EXPECT_EQ(client_->Token("grant_type=password").Field("error"),
            "unsupported_grant_type");
  EXPECT_EQ(PostForm("/token", "grant_type=refresh_token&client_id=x").status,
            401);
}

TEST_F(OAuthTest, TokensDie) {
  ASSERT_EQ(client_->LogIn().status, 200);
  ASSERT_TRUE(drive_->Revoke("access"));
  EXPECT_EQ(client_->Get("/drive/v3/files").Reason(), "authError");
  ASSERT_EQ(client_->LogIn().status, 200);
  EXPECT_EQ(client_->Get("/drive/v3/files").status, 200);
  ASSERT_TRUE(drive_->Set(R"({"token_lifetime_s":0})"));
  ASSERT_EQ(client_->LogIn().status, 200);
  EXPECT_EQ(client_->Get("/drive/v3/files").Reason(), "authError");
  ASSERT_TRUE(drive_->Revoke("refresh"));
  const TestAnswer dead = client_->LogIn();
  EXPECT_EQ(dead.status, 400);
  EXPECT_EQ(dead.Field("error"), "invalid_grant");
}

TEST_F(OAuthTest, DeviceWaitsForItsUser) {
  const std::string code = DeviceCode();
  for (int i = 0; i < 2; ++i) {
    const TestAnswer pending = client_->Token(kDeviceGrant + code);
    EXPECT_EQ(pending.status, 428);
    EXPECT_EQ(pending.Field("error"), "authorization_pending");
  }
  const TestAnswer granted = client_->Token(kDeviceGrant + code);
  ASSERT_EQ(granted.status, 200) << granted.body;
  EXPECT_TRUE(Works(granted.Field("access_token")));
  EXPECT_EQ(client_
                ->Token("grant_type=refresh_token&refresh_token=" +
                        Escape(granted.Field("refresh_token")))
                .status,
            200);
  // A code is good once.
  EXPECT_EQ(client_->Token(kDeviceGrant + code).Field("error"),
            "invalid_grant");
}

TEST_F(OAuthTest, DeviceIsRefused) {
  const std::string code = DeviceCode();
  ASSERT_TRUE(drive_->Set(R"({"device_interval_s":100})"));
  client_->Token(kDeviceGrant + code);
  EXPECT_EQ(client_->Token(kDeviceGrant + code).Field("error"), "slow_down");
  ASSERT_TRUE(drive_->Set(R"({"device_interval_s":0})"));
  ASSERT_TRUE(drive_->Deny(true));
  EXPECT_EQ(client_->Token(kDeviceGrant + code).Field("error"),
            "access_denied");
  // The device flow gives no access to the whole Drive.
  EXPECT_EQ(PostForm("/device/code",
                     "client_id=" + Escape(client_->Credential("client_id")) +
                         "&scope=https://www.googleapis.com/auth/drive")
                .Field("error"),
            "invalid_scope");
}

TEST_F(OAuthTest, CodeWithProofKey) {
  const std::string redirect = Escape("http://127.0.0.1:1234/x");
  const std::string location =
      Consent("redirect_uri=" + redirect + "&code_challenge_method=S256" +
              "&code_challenge=" + kChallenge);
  const std::string start = "http://127.0.0.1:1234/x?code=";
  ASSERT_TRUE(location.starts_with(start)) << location;
  EXPECT_TRUE(location.ends_with("&state=a%26b")) << location;
  const std::string code =
      location.substr(start.size(), location.find('&') - start.size());
  const std::string exchange = "grant_type=authorization_code&code=" + code +
                               "&redirect_uri=" + redirect + "&code_verifier=";
  const TestAnswer granted = client_->Token(exchange + kVerifier);
  ASSERT_EQ(granted.status, 200) << granted.body;
  EXPECT_TRUE(Works(granted.Field("access_token")));
  EXPECT_NE(granted.Field("refresh_token"), "");
  EXPECT_EQ(client_->Token(exchange + kVerifier).Field("error"),
            "invalid_grant");
}

TEST_F(OAuthTest, CodeNeedsTheRightProof) {
  const std::string redirect = "redirect_uri=http://127.0.0.1:1";
  const std::string location = Consent(
      redirect + "&code_challenge_method=S256&code_challenge=" + kChallenge);
  const size_t at = location.find("code=") + 5;
  const std::string code = location.substr(at, location.find('&') - at);
  EXPECT_EQ(client_
                ->Token("grant_type=authorization_code&code=" + code + "&" +
                        redirect + "&code_verifier=wrong")
                .Field("error"),
            "invalid_grant");
  EXPECT_EQ(Consent("redirect_uri=https://example.com/"), "");
  EXPECT_EQ(Consent("redirect_uri=http://127.0.0.1.example.com/"), "");
  ASSERT_TRUE(drive_->Deny(true));
  EXPECT_EQ(Consent(redirect),
            "http://127.0.0.1:1?error=access_denied&state=a%26b");
}

}  // namespace
}  // namespace driveroot::fakedrive
