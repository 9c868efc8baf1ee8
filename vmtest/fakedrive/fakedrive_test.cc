// SPDX-License-Identifier: Apache-2.0
//
// The real program, asked by libcurl over TLS: once over HTTP/1.1 and once over
// HTTP/2.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/fakedrive/testing/test_client.h"

namespace driveroot::fakedrive {
namespace {

constexpr size_t kGrain = size_t{256} << 10;

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

class FakeDriveTest : public testing::TestWithParam<long> {
 protected:
  void SetUp() override { Start({}); }

  void Start(std::vector<std::string> flags) {
    client_.reset();
    drive_.reset();
    auto drive = FakeDriveProcess::Start({.flags = std::move(flags)});
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
    client_ = std::make_unique<TestClient>(drive_.get(), GetParam());
    ASSERT_EQ(client_->LogIn().status, 200);
  }

  // Uploads over a connection of its own: on a used one libcurl takes a reset
  // for a connection that had timed out, and quietly sends the request again.
  TestAnswer UploadAfresh(const std::string& metadata) {
    TestClient client(drive_.get(), GetParam());
    client.set_token(client_->token());
    return client.Upload(metadata, "x");
  }

  uint64_t Requests(const std::string& call) {
    return drive_->Stats().value().requests[call];
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  std::unique_ptr<TestClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Http, FakeDriveTest,
                         testing::Values(CURL_HTTP_VERSION_1_1,
                                         CURL_HTTP_VERSION_2TLS),
                         [](const auto& info) {
                           return info.param == CURL_HTTP_VERSION_1_1 ? "One"
                                                                      : "Two";
                         });

TEST_P(FakeDriveTest, SpeaksTheProtocolThatWasChosen) {
  const TestAnswer answer = client_->Get("/drive/v3/about?fields=user");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.http_version, GetParam() == CURL_HTTP_VERSION_1_1
                                     ? CURL_HTTP_VERSION_1_1
                                     : CURL_HTTP_VERSION_2_0);
  EXPECT_EQ(client_->Get("/drive/v3/about").Reason(), "required");
  EXPECT_EQ(client_->Get("/drive/v3/about?fields=colour").Reason(),
            "invalidParameter");
  EXPECT_EQ(client_->Get("/drive/v3/nothing").status, 404);
  // An empty mask is no mask.
  EXPECT_NE(client_->Get("/drive/v3/files/root?fields=").Field("id"), "");
}

TEST_P(FakeDriveTest, UploadsAndReadsRanges) {
  const std::string bytes = Pattern(700'000);
  const TestAnswer created =
      client_->Upload(R"({"name":"f","appProperties":{"k":"v"}})", bytes);
  ASSERT_EQ(created.status, 200) << created.body;
  const std::string id = created.Field("id");
  EXPECT_EQ(created.Field("size"), "700000");

  const TestAnswer whole = client_->Download(id);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, bytes);
  TestAnswer part = client_->Download(id, "bytes=100-300099");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.headers["content-range"], "bytes 100-300099/700000");
  EXPECT_EQ(part.body, bytes.substr(100, 300'000));
  part = client_->Download(id, "bytes=-5");
  EXPECT_EQ(part.body, bytes.substr(699'995));
  part = client_->Download(id, "bytes=700000-");
  EXPECT_EQ(part.status, 416);
  EXPECT_EQ(part.Reason(), "requestedRangeNotSatisfiable");
  EXPECT_EQ(part.headers["content-range"], "bytes */700000");

  const std::string empty = client_->Upload("{}", "").Field("id");
  EXPECT_EQ(client_->Download(empty).status, 200);
  EXPECT_EQ(client_->Download(empty, "bytes=0-0").status, 416);
}

TEST_P(FakeDriveTest, TakesBodiesOfUnknownLength) {
  const std::string bytes = Pattern(1'000'000);
  const TestAnswer answer =
      client_->Do({.method = "POST",
                   .path = "/upload/drive/v3/files?uploadType=media",
                   .body = bytes,
                   .headers = {"Content-Type: text/plain", "Expect: "},
                   .chunked = true});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(client_->Download(answer.Field("id")).body, bytes);
}

TEST_P(FakeDriveTest, TakesAnIdOnce) {
  const std::string id = client_->NewId();
  ASSERT_EQ(id.size(), 33u);
  const std::string metadata = R"({"name":"x","id":")" + id + R"("})";
  ASSERT_EQ(client_->Upload(metadata, "one").status, 200);
  const TestAnswer again = client_->Upload(metadata, "two");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.Reason(), "fileIdInUse");
  EXPECT_EQ(client_->Download(id).body, "one");
  // Nor after it was deleted for good.
  ASSERT_EQ(
      client_->Do({.method = "DELETE", .path = "/drive/v3/files/" + id}).status,
      204);
  EXPECT_EQ(client_->Upload(metadata, "three").status, 409);
  EXPECT_EQ(client_->Upload(R"({"id":"1madeup"})", "x").status, 400);
  EXPECT_EQ(client_->Get("/drive/v3/files/generateIds?count=1001").status, 400);
}

TEST_P(FakeDriveTest, RefusesWhatDriveRefuses) {
  EXPECT_EQ(client_->Get("/drive/v3/files/1none").Reason(), "notFound");
  EXPECT_EQ(client_->Upload(R"({"parents":["1none"]})", "x").Reason(),
            "notFound");
  EXPECT_EQ(client_->PostJson("/drive/v3/files", "{").Reason(), "parseError");
  EXPECT_EQ(client_->PostJson("/drive/v3/files", R"({"size":"1"})").Reason(),
            "fieldNotWritable");
  const std::string long_value(124, 'x');
  EXPECT_EQ(client_
                ->PostJson("/drive/v3/files",
                           R"({"appProperties":{"k":")" + long_value + R"("}})")
                .Reason(),
            "propertyLengthLimitExceeded");
  EXPECT_EQ(client_->Get("/drive/v3/files?q=colour%3D1").Reason(), "invalid");
  EXPECT_EQ(client_->Get("/drive/v3/files?pageSize=0").status, 400);
  EXPECT_EQ(client_->Get("/drive/v3/files?pageSize=1001").status, 200);
  const std::string folder =
      client_
          ->PostJson("/drive/v3/files",
                     R"({"mimeType":"application/vnd.google-apps.folder"})")
          .Field("id");
  EXPECT_EQ(client_->Download(folder).Reason(), "fileNotDownloadable");

  const std::string good = client_->token();
  client_->set_token("ya29.wrong");
  const TestAnswer wrong = client_->Get("/drive/v3/files");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.Reason(), "authError");
  EXPECT_EQ(
      client_->Do({.path = "/drive/v3/files", .with_token = false}).Reason(),
      "required");
  client_->set_token(good);
  ASSERT_TRUE(drive_->Set(R"({"quota_bytes":10})"));
  EXPECT_EQ(client_->Upload("{}", "12345678901").Reason(),
            "storageQuotaExceeded");
  EXPECT_EQ(client_->Upload("{}", "1234567890").status, 200);
}

TEST_P(FakeDriveTest, ListsByQueryAndPage) {
  const std::string folder =
      client_
          ->PostJson("/drive/v3/files",
                     R"({"mimeType":"application/vnd.google-apps.folder"})")
          .Field("id");
  for (int i = 0; i < 5; ++i)
    client_->PostJson("/drive/v3/files", R"({"name":"n)" + std::to_string(i) +
                                             R"(","parents":[")" + folder +
                                             R"("]})");
  const std::string list = "/drive/v3/files?orderBy=name&pageSize=2&q=" +
                           Escape("'" + folder + "' in parents");
  std::string names;
  std::string token;
  int pages = 0;
  do {
    const TestAnswer page = client_->Get(
        list + (token.empty() ? "" : "&pageToken=" + Escape(token)));
    ASSERT_EQ(page.status, 200) << page.body;
    const rapidjson::Document json = page.Json();
    for (const auto& file : json["files"].GetArray())
      names += std::string(file["name"].GetString()) + " ";
    token = page.Field("nextPageToken");
    // What is already told of does not come again, whatever is added.
    client_->PostJson("/drive/v3/files",
                      R"({"name":"a","parents":[")" + folder + R"("]})");
    ++pages;
  } while (!token.empty() && pages < 10);
  EXPECT_EQ(names, "n0 n1 n2 n3 n4 ");
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(client_->Get("/drive/v3/files?pageToken=x").status, 400);
}

TEST_P(FakeDriveTest, UpdatesMovesCopiesAndDeletes) {
  const auto folder = [&](const char* name) {
    return client_
        ->PostJson("/drive/v3/files",
                   std::string(R"({"name":")") + name +
                       R"(","mimeType":"application/vnd.google-apps.folder"})")
        .Field("id");
  };
  const std::string a = folder("a");
  const std::string b = folder("b");
  const std::string id =
      client_
          ->Upload(R"({"name":"f","parents":[")" + a +
                       R"("],"appProperties":{"x":"1","y":"2"}})",
                   "old")
          .Field("id");
  const TestAnswer moved =
      client_->Do({.method = "PATCH",
                   .path = "/drive/v3/files/" + id +
                           "?fields=*&addParents=" + b + "&removeParents=" + a,
                   .body = R"({"name":"g","appProperties":{"x":null}})"});
  ASSERT_EQ(moved.status, 200) << moved.body;
  const rapidjson::Document json = moved.Json();
  EXPECT_STREQ(json["parents"][0].GetString(), b.c_str());
  EXPECT_STREQ(json["name"].GetString(), "g");
  EXPECT_FALSE(json["appProperties"].HasMember("x"));
  EXPECT_STREQ(json["appProperties"]["y"].GetString(), "2");
  EXPECT_EQ(client_
                ->Do({.method = "PATCH",
                      .path = "/drive/v3/files/" + id + "?addParents=" + a,
                      .body = "{}"})
                .Reason(),
            "cannotAddParent");
  ASSERT_EQ(
      client_
          ->Do({.method = "PATCH",
                .path = "/upload/drive/v3/files/" + id + "?uploadType=media",
                .body = "new bytes",
                .headers = {"Content-Type: text/plain"}})
          .status,
      200);
  const std::string copy =
      client_->PostJson("/drive/v3/files/" + id + "/copy", R"({"name":"c"})")
          .Field("id");
  EXPECT_EQ(client_->Download(copy).body, "new bytes");
  EXPECT_EQ(
      client_->Do({.method = "DELETE", .path = "/drive/v3/files/" + b}).status,
      204);
  // The copy was in b as well.
  EXPECT_EQ(client_->Download(copy).status, 404);
  EXPECT_EQ(client_->Download(id).status, 404);
}

TEST_P(FakeDriveTest, ChangesContentAndPropertiesTogether) {
  const std::string id =
      client_->Upload(R"({"name":"f","appProperties":{"x":"1","y":"2"}})", "1")
          .Field("id");
  const TestAnswer changed = client_->Update(
      id, R"({"appProperties":{"x":null,"z":"3","none":null}})", "second");
  ASSERT_EQ(changed.status, 200) << changed.body;
  const rapidjson::Document json = changed.Json();
  EXPECT_EQ(json["appProperties"].MemberCount(), 2u);
  EXPECT_STREQ(json["appProperties"]["y"].GetString(), "2");
  EXPECT_STREQ(json["appProperties"]["z"].GetString(), "3");
  EXPECT_EQ(client_->Download(id).body, "second");

  // What is refused changes neither.
  const std::string long_value(120, 'x');
  EXPECT_EQ(
      client_
          ->Update(id, R"({"appProperties":{"12345":")" + long_value + R"("}})",
                   "third")
          .Reason(),
      "propertyLengthLimitExceeded");
  std::string many = R"({"appProperties":{)";
  for (int i = 0; i < 29; ++i) many += R"("k)" + std::to_string(i) + R"(":"",)";
  many.back() = '}';
  EXPECT_EQ(client_->Update(id, many + "}", "third").Reason(),
            "propertyCountLimitExceeded");
  // Those that go make room for others.
  many.back() = ',';
  EXPECT_EQ(client_->Update(id, many + R"("y":null,"z":null}})", "").status,
            200);
  EXPECT_EQ(client_->Update(id, many + R"("k0":null,"a":"b"}})", "4").status,
            200);
  EXPECT_EQ(client_->Download(id).body, "4");
}

TEST_P(FakeDriveTest, ListsByNameLagBehind) {
  const std::string id =
      client_
          ->Upload(R"({"name":"f","createdTime":"2001-01-01T00:00:00Z",)"
                   R"("appProperties":{"k":"before"}})",
                   "1")
          .Field("id");
  ASSERT_EQ(
      client_->Update(id, R"({"appProperties":{"k":"after"}})", "2").status,
      200);
  client_->Upload(R"({"name":"young","appProperties":{"k":"after"}})", "3");
  const auto listed = [&](const std::string& query) {
    return client_
        ->Get("/drive/v3/files?fields=files(name,appProperties)&q=" +
              Escape(query))
        .body;
  };
  const std::string by_name =
      "trashed=false and (name='f' or (name='young' and "
      "appProperties has {key='k' and value='after'}))";
  EXPECT_TRUE(listed(by_name).contains("after"));
  EXPECT_TRUE(listed(by_name).contains("young"));
  ASSERT_TRUE(drive_->Set(R"({"name_lag_ms":600000})"));
  EXPECT_TRUE(listed(by_name).contains("before"));
  EXPECT_FALSE(listed(by_name).contains("after"));
  EXPECT_FALSE(listed(by_name).contains("young"));
  EXPECT_TRUE(listed("'root' in parents").contains("after"));
}

TEST_P(FakeDriveTest, TellsOfChanges) {
  const std::string start =
      client_->Get("/drive/v3/changes/startPageToken").Field("startPageToken");
  const std::string id = client_->Upload("{}", "x").Field("id");
  const std::string gone = client_->Upload("{}", "x").Field("id");
  client_->Do({.method = "DELETE", .path = "/drive/v3/files/" + gone});
  const TestAnswer changes =
      client_->Get("/drive/v3/changes?pageToken=" + start);
  const rapidjson::Document json = changes.Json();
  ASSERT_EQ(json["changes"].Size(), 2u) << changes.body;
  EXPECT_STREQ(json["changes"][0]["fileId"].GetString(), id.c_str());
  EXPECT_FALSE(json["changes"][0]["removed"].GetBool());
  EXPECT_STREQ(json["changes"][1]["fileId"].GetString(), gone.c_str());
  EXPECT_TRUE(json["changes"][1]["removed"].GetBool());
  EXPECT_NE(changes.Field("newStartPageToken"), "");
}

TEST_P(FakeDriveTest, ResumesUploads) {
  const std::string bytes = Pattern(3 * kGrain + 5);
  const std::string total = "/" + std::to_string(bytes.size());
  const std::string url = client_->StartUpload(R"({"name":"r"})");
  ASSERT_NE(url, "");
  TestAnswer answer = client_->PutChunk(url, "", "bytes */*");
  EXPECT_EQ(answer.status, 308);
  EXPECT_FALSE(answer.headers.contains("range"));
  EXPECT_EQ(client_->PutChunk(url, "abc", "bytes 0-2" + total).status, 400);
  EXPECT_EQ(client_->PutChunk(url, "abc", "bytes 0-3" + total).status, 400);

  // The server keeps less than was sent.
  ASSERT_TRUE(drive_->AddFault(
      R"({"class":"upload","nth":1,"action":"short_308","bytes":300000})"));
  answer = client_->PutChunk(url, bytes.substr(0, 2 * kGrain),
                             "bytes 0-524287" + total);
  EXPECT_EQ(answer.status, 308);
  EXPECT_EQ(answer.headers["range"], "bytes=0-262143");
  EXPECT_EQ(client_
                ->PutChunk(url, bytes.substr(2 * kGrain, kGrain),
                           "bytes 524288-786431" + total)
                .status,
            400);  // A gap.
  answer = client_->PutChunk(url, "", "bytes *" + total);
  EXPECT_EQ(answer.headers["range"], "bytes=0-262143");
  answer = client_->PutChunk(
      url, bytes.substr(kGrain),
      "bytes 262144-" + std::to_string(bytes.size() - 1) + total);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(client_->Download(answer.Field("id")).body, bytes);
  // Asked again, it answers again.
  EXPECT_EQ(client_->PutChunk(url, "", "bytes *" + total).Field("id"),
            answer.Field("id"));

  const std::string lost = client_->StartUpload("{}");
  ASSERT_TRUE(drive_->AddFault(
      R"({"class":"upload","nth":1,"action":"expire_session"})"));
  EXPECT_EQ(client_->PutChunk(lost, "abc", "").status, 404);
  EXPECT_EQ(client_->PutChunk(lost, "abc", "").status, 404);
}

TEST_P(FakeDriveTest, KeepsWhatCameOfAChunkThatWasCutOff) {
  const std::string bytes = Pattern(4 * kGrain);
  const std::string url = client_->StartUpload("{}");
  const TestAnswer cut = client_->Do(
      {.method = "PUT",
       .path = url,
       .body = bytes,
       .headers = {"Content-Range: bytes 0-1048575/1048576", "Expect: "},
       .with_token = false,
       .chunked = true,
       .give_up_after = 3 * kGrain - 1});
  EXPECT_EQ(cut.code, CURLE_ABORTED_BY_CALLBACK);
  // The server learns of the broken connection after a while.
  std::string range;
  for (int i = 0; i < 1000 && range.empty(); ++i)
    range = client_->PutChunk(url, "", "bytes */1048576").headers["range"];
  ASSERT_NE(range, "");
  const size_t kept = std::stoul(range.substr(range.find('-') + 1)) + 1;
  EXPECT_EQ(kept % kGrain, 0u);
  EXPECT_LT(kept, bytes.size());
  const TestAnswer done =
      client_->PutChunk(url, bytes.substr(kept),
                        "bytes " + std::to_string(kept) + "-1048575/1048576");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(client_->Download(done.Field("id")).body, bytes);
}

TEST_P(FakeDriveTest, LosesResponses) {
  const std::string id = client_->NewId();
  const std::string metadata = R"({"id":")" + id + R"("})";
  ASSERT_TRUE(drive_->AddFault(
      R"({"class":"create","nth":1,"action":"reset_before_commit"})"));
  EXPECT_NE(UploadAfresh(metadata).code, CURLE_OK);
  EXPECT_EQ(client_->Download(id).status, 404);
  ASSERT_TRUE(drive_->ClearFaults());
  ASSERT_TRUE(drive_->AddFault(
      R"({"class":"create","nth":1,"action":"reset_after_commit"})"));
  EXPECT_NE(UploadAfresh(metadata).code, CURLE_OK);
  EXPECT_EQ(client_->Download(id).body, "x");
  EXPECT_EQ(client_->Upload(metadata, "x").Reason(), "fileIdInUse");
  EXPECT_EQ(drive_->Stats().value().totals["faults_injected"], 2u);
}

TEST_P(FakeDriveTest, SpoilsAnswers) {
  const std::string bytes = Pattern(100'000);
  const std::string id = client_->Upload("{}", bytes).Field("id");
  ASSERT_TRUE(drive_->AddFault(
      R"([{"class":"media","nth":1,"action":"truncate","bytes":50000},)"
      R"({"class":"media","nth":2,"action":"corrupt","at":70000},)"
      R"({"class":"media","nth":3,"action":"status","status":503,)"
      R"("retry_after":3},)"
      R"({"class":"media","nth":4,"action":"goaway"}])"));
  EXPECT_NE(client_->Download(id).code, CURLE_OK);
  TestAnswer answer = client_->Download(id);
  EXPECT_EQ(answer.code, CURLE_OK);
  ASSERT_EQ(answer.body.size(), bytes.size());
  EXPECT_EQ(answer.body[70'000], static_cast<char>(~bytes[70'000]));
  answer.body[70'000] = bytes[70'000];
  EXPECT_EQ(answer.body, bytes);
  answer = client_->Download(id);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers["retry-after"], "3");
  const uint64_t before = drive_->Stats().value().totals["connections"];
  EXPECT_EQ(client_->Download(id).body, bytes);
  EXPECT_EQ(client_->Download(id).body, bytes);
  // One new connection for each of the two questions about the statistics and
  // one because the old one had said goodbye.
  EXPECT_EQ(drive_->Stats().value().totals["connections"], before + 2);
}

TEST_P(FakeDriveTest, KeepsEverythingOverAKill) {
  const std::string token = client_->token();
  const std::string id =
      client_->Upload(R"({"name":"kept"})", "bytes").Field("id");
  const std::string url = client_->StartUpload("{}");
  const std::string bytes = Pattern(kGrain + 1);
  client_->PutChunk(url, bytes.substr(0, kGrain), "bytes 0-262143/262145");
  ASSERT_TRUE(drive_->Restart());

  // Same authority, same token.
  client_ = std::make_unique<TestClient>(drive_.get(), GetParam());
  client_->set_token(token);
  EXPECT_EQ(client_->Download(id).body, "bytes");
  const TestAnswer done = client_->PutChunk(url, bytes.substr(kGrain),
                                            "bytes 262144-262144/262145");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(client_->Download(done.Field("id")).body, bytes);
  EXPECT_TRUE(drive_->Stop());
}

TEST_P(FakeDriveTest, AnswersManyAtOnce) {
  std::vector<TestRequest> requests;
  for (int i = 0; i < 40; ++i)
    requests.push_back({.path = "/drive/v3/files/root?fields=id"});
  ASSERT_TRUE(drive_->Set(R"({"read_latency_ms":300})"));
  const TestAnswer alone = client_->Get("/drive/v3/files/root");
  // Timers never fire early, so this holds however slow the machine is.
  EXPECT_GE(alone.first_byte_s, 0.29);
  for (const TestAnswer& answer : client_->DoAll(requests))
    EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Requests("get"), 41u);
  if (GetParam() != CURL_HTTP_VERSION_1_1)
    EXPECT_GE(drive_->Stats().value().totals["http2_streams"], 41u);
}

TEST_P(FakeDriveTest, LimitsBandwidthAndRates) {
  const std::string bytes = Pattern(1'000'000);
  const std::string id = client_->Upload("{}", bytes).Field("id");
  // 1 MB at 16 Mbit/s takes half a second less the burst, and no less.
  ASSERT_TRUE(drive_->Set(R"({"bandwidth_mbit":16})"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client_->Download(id).body, bytes);
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  EXPECT_GE(taken.count(), 0.4);
  ASSERT_TRUE(
      drive_->Set(R"({"bandwidth_mbit":0,"creates_per_second":0.001})"));
  EXPECT_EQ(client_->Upload("{}", "x").status, 200);
  EXPECT_EQ(client_->Upload("{}", "x").Reason(), "userRateLimitExceeded");
  ASSERT_TRUE(drive_->Set(R"({"creates_per_second":0,"units_per_minute":5})"));
  EXPECT_EQ(client_->Get("/drive/v3/files").status, 403);
  EXPECT_EQ(client_->Get("/drive/v3/files/root").status, 200);
  EXPECT_EQ(client_->Get("/drive/v3/files/root").status, 403);
}

}  // namespace
}  // namespace driveroot::fakedrive
