// SPDX-License-Identifier: Apache-2.0
//
// Permissions, revisions, shortcuts, documents, batches, and what no call has.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/fakedrive/testing/test_client.h"

namespace driveroot::fakedrive {
namespace {

constexpr char kFiles[] = "/drive/v3/files/";

class CollectionsTest : public testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(std::vector<std::string> flags) {
    auto drive = FakeDriveProcess::Start({.flags = std::move(flags)});
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    client_ =
        std::make_unique<TestClient>(drive_.get(), CURL_HTTP_VERSION_2TLS);
    ASSERT_EQ(client_->LogIn().status, 200);
  }

  TestAnswer Send(const std::string& method, const std::string& path,
                  const std::string& json) {
    return client_->Do({.method = method,
                        .path = path,
                        .body = json,
                        .headers = {"Content-Type: application/json"}});
  }

  // A call without a token.
  TestAnswer Anonymous(const std::string& path) {
    return client_->Do({.path = path, .with_token = false});
  }

  std::string Create(const std::string& json) {
    const TestAnswer answer = client_->PostJson("/drive/v3/files", json);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.Field("id");
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  std::unique_ptr<TestClient> client_;
};

TEST_F(CollectionsTest, KeepsRevisions) {
  const std::string id = client_->Upload(R"({"name":"f"})", "one").Field("id");
  const std::string path = kFiles + id;
  const std::string first =
      client_->Get(path + "?fields=headRevisionId").Field("headRevisionId");
  ASSERT_EQ(client_->Update(id, "{}", "second").status, 200);

  rapidjson::Document list = client_->Get(path + "/revisions?fields=*").Json();
  ASSERT_TRUE(list.IsObject());
  ASSERT_EQ(list["revisions"].Size(), 2U);
  EXPECT_EQ(list["revisions"][0]["id"].GetString(), first);
  EXPECT_STREQ(list["revisions"][1]["size"].GetString(), "6");
  const std::string old = path + "/revisions/" + first;
  EXPECT_EQ(client_->Get(old + "?alt=media").body, "one");
  EXPECT_EQ(client_->Get(path + "/revisions/head?alt=media").body, "second");
  list = client_->Get(path + "/revisions?pageSize=1").Json();
  EXPECT_EQ(list["revisions"].Size(), 1U);
  EXPECT_TRUE(list.HasMember("nextPageToken"));

  // Only what is kept forever takes space beside the head.
  const std::string used = path + "?fields=quotaBytesUsed";
  EXPECT_EQ(client_->Get(used).Field("quotaBytesUsed"), "6");
  EXPECT_EQ(Send("PATCH", old, R"({"keepForever":true})").status, 200);
  EXPECT_EQ(client_->Get(used).Field("quotaBytesUsed"), "9");
  EXPECT_EQ(Send("PATCH", old, R"({"published":true})").status, 501);

  EXPECT_EQ(Send("DELETE", path + "/revisions/head", "").status, 403);
  EXPECT_EQ(Send("DELETE", old, "").status, 204);
  EXPECT_EQ(client_->Get(old).status, 404);
  EXPECT_EQ(client_->Download(id).body, "second");
}

TEST_F(CollectionsTest, RevisionsOutliveARestart) {
  const std::string id = client_->Upload(R"({"name":"f"})", "one").Field("id");
  client_->Update(id, "{}", "two");
  ASSERT_TRUE(drive_->Restart());
  client_ = std::make_unique<TestClient>(drive_.get(), CURL_HTTP_VERSION_2TLS);
  ASSERT_EQ(client_->LogIn().status, 200);
  const rapidjson::Document list =
      client_->Get(kFiles + id + "/revisions").Json();
  ASSERT_TRUE(list.IsObject());
  const std::string first = list["revisions"][0]["id"].GetString();
  EXPECT_EQ(
      client_->Get(kFiles + id + "/revisions/" + first + "?alt=media").body,
      "one");
}

TEST_F(CollectionsTest, SharesAFolderWithAllBelow) {
  const std::string folder =
      Create(R"({"name":"d","mimeType":"application/vnd.google-apps.folder"})");
  const std::string id =
      client_->Upload(R"({"name":"f","parents":[")" + folder + R"("]})", "text")
          .Field("id");
  const std::string link = "/uc?export=download&id=" + id;
  EXPECT_EQ(Anonymous(link).status, 302);
  EXPECT_EQ(Anonymous(kFiles + id + "?alt=media&key=k").status, 401);

  const TestAnswer made = Send("POST", kFiles + folder + "/permissions",
                               R"({"type":"anyone","role":"reader"})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.Field("id"), "anyoneWithLink");
  TestAnswer got = Anonymous(link);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "text");
  EXPECT_EQ(got.headers["content-disposition"], "attachment; filename=\"f\"");
  EXPECT_EQ(Anonymous(kFiles + id + "?alt=media&key=k").body, "text");
  EXPECT_EQ(Anonymous(kFiles + id + "?alt=media").status, 401);

  // Inherited: seen at the file, changed at the folder.
  const rapidjson::Document list =
      client_->Get(kFiles + id + "/permissions").Json();
  ASSERT_TRUE(list.IsObject());
  ASSERT_EQ(list["permissions"].Size(), 2U);
  EXPECT_STREQ(list["permissions"][0]["role"].GetString(), "owner");
  EXPECT_EQ(
      Send("DELETE", kFiles + id + "/permissions/anyoneWithLink", "").status,
      403);
  EXPECT_EQ(Send("DELETE", kFiles + folder + "/permissions/anyoneWithLink", "")
                .status,
            204);
  EXPECT_EQ(Anonymous(link).status, 302);
}

TEST_F(CollectionsTest, ChangesPermissions) {
  const std::string path =
      kFiles + client_->Upload("{}", "x").Field("id") + "/permissions";
  const std::string user =
      R"({"type":"user","role":"writer","emailAddress":"a@b.c"})";
  const std::string id = Send("POST", path, user).Field("id");
  EXPECT_EQ(Send("POST", path, user).Field("id"), id);  // the same user
  EXPECT_EQ(Send("PATCH", path + "/" + id, R"({"role":"reader"})").status, 200);
  EXPECT_EQ(client_->Get(path + "/" + id).Field("role"), "reader");
  EXPECT_EQ(
      Send("PATCH", path + "/" + id, R"({"emailAddress":"x@y.z"})").status,
      403);
  EXPECT_EQ(Send("POST", path, R"({"type":"user","role":"writer"})").status,
            403);
  EXPECT_EQ(Send("POST", path, R"({"type":"anyone"})").status, 400);
  EXPECT_EQ(Send("POST", path, R"({"type":"anyone","role":"owner"})").status,
            501);
  EXPECT_EQ(client_->Get(path + "/12345").status, 404);
}

TEST_F(CollectionsTest, MakesShortcuts) {
  const std::string target = client_->Upload("{}", "x").Field("id");
  const std::string kType =
      R"("mimeType":"application/vnd.google-apps.shortcut")";
  const std::string id = Create(
      "{" + kType + R"(,"shortcutDetails":{"targetId":")" + target + R"("}})");
  const TestAnswer shown = client_->Get(kFiles + id + "?fields=*");
  const rapidjson::Document json = shown.Json();
  ASSERT_TRUE(json.IsObject() && json.HasMember("shortcutDetails"));
  EXPECT_EQ(json["shortcutDetails"]["targetId"].GetString(), target);
  EXPECT_EQ(client_->Get(kFiles + id + "?alt=media").status, 403);
  EXPECT_EQ(client_->PostJson("/drive/v3/files", "{" + kType + "}").status,
            400);
  EXPECT_EQ(
      client_
          ->PostJson("/drive/v3/files",
                     "{" + kType + R"(,"shortcutDetails":{"targetId":"1x"}})")
          .status,
      404);
}

TEST_F(CollectionsTest, ExportsDocuments) {
  const std::string doc =
      client_
          ->Upload(R"({"mimeType":"application/vnd.google-apps.document"})",
                   "words")
          .Field("id");
  const std::string path = kFiles + doc;
  EXPECT_EQ(client_->Get(path + "?alt=media").Reason(), "fileNotDownloadable");
  TestAnswer text = client_->Get(path + "/export?mimeType=text/plain");
  EXPECT_EQ(text.body, "words");
  EXPECT_EQ(text.headers["content-type"], "text/plain");
  EXPECT_EQ(client_->Get(path + "/export?mimeType=image/png").status, 400);
  EXPECT_EQ(client_->Get(path + "/export").status, 400);
  const std::string file = client_->Upload("{}", "x").Field("id");
  EXPECT_EQ(
      client_->Get(kFiles + file + "/export?mimeType=text/plain").Reason(),
      "fileNotExportable");

  const TestAnswer operation = Send("POST", kFiles + file + "/download", "");
  ASSERT_EQ(operation.status, 200) << operation.body;
  const rapidjson::Document json = operation.Json();
  EXPECT_EQ(client_->Get(json["response"]["downloadUri"].GetString()).body,
            "x");
  EXPECT_EQ(
      client_->Get("/drive/v3/operations/" + operation.Field("name")).status,
      200);
}

TEST_F(CollectionsTest, CarriesOutBatches) {
  const std::string id = client_->Upload(R"({"name":"a"})", "x").Field("id");
  const std::string part =
      "--b\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\n";
  const auto batch = [&](bool with_token) {
    return client_->Do(
        {.method = "POST",
         .path = "/batch/drive/v3",
         .body =
             part + "GET /drive/v3/files/" + id + "?fields=name\r\n\r\n\r\n" +
             part + "PATCH /drive/v3/files/" + id +
             "\r\nContent-Type: application/json\r\n\r\n"
             "{\"name\":\"b\"}\r\n" +
             part + "GET /drive/v3/files/" + id + "?alt=media\r\n\r\n\r\n--b--",
         .headers = {"Content-Type: multipart/mixed; boundary=b"},
         .with_token = with_token});
  };
  const uint64_t gets = drive_->Stats().value().requests["get"];
  const TestAnswer answer = batch(true);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find(R"({"name":"a"})"), std::string::npos);
  EXPECT_NE(answer.body.find("HTTP/1.1 400"), std::string::npos);
  EXPECT_NE(answer.body.find("Content-ID: <response-1>"), std::string::npos);
  EXPECT_EQ(client_->Get(kFiles + id + "?fields=name").Field("name"), "b");
  EXPECT_EQ(drive_->Stats().value().requests["get"], gets + 2);
  EXPECT_NE(batch(false).body.find("HTTP/1.1 401"), std::string::npos);
}

TEST_F(CollectionsTest, PassesOverNothing) {
  const std::string id = client_->Upload("{}", "x").Field("id");
  EXPECT_EQ(client_->Get("/drive/v3/files?nonsense=1").status, 400);
  EXPECT_EQ(client_->Get("/drive/v3/files?driveId=0A").status, 404);
  EXPECT_EQ(client_->Get("/drive/v3/files?supportsAllDrives=perhaps").status,
            400);
  EXPECT_EQ(client_->Get("/drive/v3/files?alt=media").status, 400);
  EXPECT_EQ(client_->Get(kFiles + id + "?includeLabels=l").status, 501);
  EXPECT_EQ(Send("PATCH", kFiles + id, R"({"nonsense":1})").status, 400);
  EXPECT_EQ(Send("PATCH", kFiles + id, R"({"size":"1"})").status, 403);
  EXPECT_EQ(Send("PATCH", kFiles + id, R"({"contentRestrictions":[]})").status,
            501);
  EXPECT_EQ(client_->Get(kFiles + id + "/comments?fields=*").status, 501);
  EXPECT_EQ(client_->Get("/drive/v3/apps").status, 501);
  EXPECT_EQ(client_->Get("/drive/v3/drives").status, 200);
  EXPECT_EQ(client_->Get("/drive/v3/drives/0A").status, 404);
  EXPECT_EQ(client_->Get(kFiles + id + "/nonsense").status, 404);
}

}  // namespace
}  // namespace driveroot::fakedrive
