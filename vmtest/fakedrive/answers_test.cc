// SPDX-License-Identifier: Apache-2.0
//
// Details of single answers that real clients depend on.
#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/fakedrive/testing/test_client.h"

namespace driveroot::fakedrive {
namespace {

class AnswersTest : public testing::Test {
 protected:
  void SetUp() override {
    auto drive = FakeDriveProcess::Start({});
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    client_ =
        std::make_unique<TestClient>(drive_.get(), CURL_HTTP_VERSION_2TLS);
    ASSERT_EQ(client_->LogIn().status, 200);
  }

  TestAnswer Patch(const std::string& id, const std::string& json) {
    return client_->Do({.method = "PATCH",
                        .path = "/drive/v3/files/" + id + "?fields=*",
                        .body = json,
                        .headers = {"Content-Type: application/json"}});
  }

  // The names that a list in this order shows, one after the other.
  std::string Names(const std::string& order) {
    const TestAnswer answer = client_->Get(
        "/drive/v3/files?fields=files(name)&orderBy=" + Escape(order));
    std::string names;
    const rapidjson::Document json = answer.Json();
    if (!json.IsObject()) return answer.body;
    for (const auto& file : json["files"].GetArray())
      names += std::string(file["name"].GetString()) + " ";
    return names;
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  std::unique_ptr<TestClient> client_;
};

TEST_F(AnswersTest, EmptyResumableUploadEndsWithAQueryOfItsSize) {
  const std::string url = client_->StartUpload(R"({"name":"empty"})");
  const TestAnswer done = client_->PutChunk(url, "", "bytes */0");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(client_->Get("/drive/v3/files/" + done.Field("id") + "?fields=size")
                .Field("size"),
            "0");
}

TEST_F(AnswersTest, OnlyContentChangesTheTimeOfModification) {
  const std::string kTime = "2001-02-03T04:05:06.789Z";
  const std::string id =
      client_->Upload(R"({"name":"a","modifiedTime":")" + kTime + R"("})", "1")
          .Field("id");
  for (const char* change :
       {R"({"name":"b"})", R"({"starred":true})",
        R"({"appProperties":{"k":"v"}})", R"({"trashed":true})", "null", ""}) {
    const TestAnswer patched = Patch(id, change);
    EXPECT_EQ(patched.status, 200) << change << patched.body;
    EXPECT_EQ(patched.Field("modifiedTime"), kTime) << change;
  }
  EXPECT_EQ(client_->Update(id, "{}", "2").status, 200);
  EXPECT_NE(client_->Get("/drive/v3/files/" + id + "?fields=modifiedTime")
                .Field("modifiedTime"),
            kTime);
}

TEST_F(AnswersTest, AChangeHasTheTimeOfTheChange) {
  const std::string start =
      client_->Get("/drive/v3/changes/startPageToken").Field("startPageToken");
  client_->Upload(R"({"name":"a","modifiedTime":"2001-02-03T04:05:06Z"})", "1");
  const TestAnswer changes =
      client_->Get("/drive/v3/changes?pageToken=" + start);
  const rapidjson::Document json = changes.Json();
  ASSERT_TRUE(json.IsObject()) << changes.body;
  ASSERT_EQ(json["changes"].Size(), 1U);
  EXPECT_GT(std::string(json["changes"][0]["time"].GetString()), "2020");
}

TEST_F(AnswersTest, OrdersListsAsAsked) {
  for (const char* name : {"f10", "f9", "F1"})
    client_->Upload(R"({"name":")" + std::string(name) + R"("})", "");
  EXPECT_EQ(Names("name asc"), "F1 f10 f9 ");
  EXPECT_EQ(Names("name desc"), "f9 f10 F1 ");
  EXPECT_EQ(Names("name_natural"), "F1 f9 f10 ");
  EXPECT_EQ(Names("name_natural desc"), "f10 f9 F1 ");
  EXPECT_EQ(client_->Get("/drive/v3/files?orderBy=name,name%20desc").status,
            403);
  EXPECT_EQ(client_->Get("/drive/v3/files?orderBy=name%20up").status, 400);
}

TEST_F(AnswersTest, CleanFilesMayBeAcknowledged) {
  const std::string id = client_->Upload("{}", "clean").Field("id");
  const TestAnswer got = client_->Get("/drive/v3/files/" + id +
                                      "?alt=media&acknowledgeAbuse=true");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "clean");
}

TEST_F(AnswersTest, EachAnswerIsDated) {
  for (const long version : {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2TLS}) {
    TestClient client(drive_.get(), version);
    client.set_token(client_->token());
    TestAnswer answer = client.Get("/drive/v3/about");
    EXPECT_EQ(answer.status, 400);
    const time_t time = curl_getdate(answer.headers["date"].c_str(), nullptr);
    EXPECT_NEAR(static_cast<double>(time),
                static_cast<double>(std::time(nullptr)), 60);
  }
}

TEST_F(AnswersTest, GivesTokensAtTheOldAddressToo) {
  const TestAnswer token = client_->Do(
      {.method = "POST",
       .path = "/o/oauth2/token",
       .body = "grant_type=refresh_token&client_id=" +
               Escape(client_->Credential("client_id")) + "&client_secret=" +
               Escape(client_->Credential("client_secret")) +
               "&refresh_token=" + Escape(client_->Credential("refresh_token")),
       .headers = {"Content-Type: application/x-www-form-urlencoded"},
       .with_token = false});
  EXPECT_EQ(token.status, 200) << token.body;
}

}  // namespace
}  // namespace driveroot::fakedrive
