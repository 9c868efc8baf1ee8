// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/testing/test_client.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot::fakedrive {
namespace {

size_t AppendBody(char* bytes, size_t size, size_t count, void* user_data) {
  static_cast<TestAnswer*>(user_data)->body.append(bytes, size * count);
  return size * count;
}

size_t AppendHeader(char* bytes, size_t size, size_t count, void* user_data) {
  const std::string line(bytes, size * count);
  const size_t colon = line.find(": ");
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    static_cast<TestAnswer*>(user_data)->headers[name] =
        line.substr(colon + 2, line.find_last_not_of("\r\n") - colon - 1);
  }
  return size * count;
}

struct UploadSource {
  const TestRequest* request;
  size_t sent = 0;
};

size_t ReadUpload(char* buffer, size_t size, size_t count, void* user_data) {
  auto* upload = static_cast<UploadSource*>(user_data);
  const std::string& body = upload->request->body;
  if (upload->sent >= upload->request->give_up_after)
    return CURL_READFUNC_ABORT;
  const size_t piece = std::min(size * count, body.size() - upload->sent);
  body.copy(buffer, piece, upload->sent);
  upload->sent += piece;
  return piece;
}

void Collect(CURL* curl, CURLcode code, TestAnswer* answer) {
  answer->code = code;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
  curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &answer->http_version);
  double connected = 0;
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME, &connected);
  curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME, &answer->first_byte_s);
  answer->first_byte_s -= connected;
}

}  // namespace

rapidjson::Document TestAnswer::Json() const {
  rapidjson::Document document;
  document.Parse(body.data(), body.size());
  if (document.HasParseError()) document.SetNull();
  return document;
}

std::string TestAnswer::Field(const char* name) const {
  const rapidjson::Document json = Json();
  return json.IsObject() && json.HasMember(name) && json[name].IsString()
             ? json[name].GetString()
             : "";
}

std::string TestAnswer::Reason() const {
  const rapidjson::Document json = Json();
  if (!json.IsObject() || !json.HasMember("error") ||
      !json["error"].IsObject() || !json["error"].HasMember("errors"))
    return "";
  return json["error"]["errors"][0]["reason"].GetString();
}

std::string Escape(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())),
      curl_free);
  return escaped.get();
}

void TestClient::Prepare(CURL* curl, const TestRequest& request,
                         TestAnswer* answer, curl_slist** headers) const {
  const std::string url = request.path.starts_with('/')
                              ? drive_.endpoint() + request.path
                              : request.path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CAINFO, drive_.ca_file().c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, http_version_);
  curl_easy_setopt(curl, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, AppendBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, AppendHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
  for (const std::string& header : request.headers)
    *headers = curl_slist_append(*headers, header.c_str());
  if (request.with_token)
    *headers = curl_slist_append(*headers,
                                 ("Authorization: Bearer " + token_).c_str());
  if (request.method != "GET" && request.method != "DELETE" &&
      !request.chunked) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
}

TestAnswer TestClient::Do(const TestRequest& request) {
  TestAnswer answer;
  curl_slist* headers = nullptr;
  // The connection stays; the options of the last request go.
  curl_easy_reset(curl_.get());
  Prepare(curl_.get(), request, &answer, &headers);
  UploadSource upload = {.request = &request, .sent = 0};
  if (request.chunked) {
    // Of unknown length, so that HTTP/1.1 has to send it in chunks.
    curl_easy_setopt(curl_.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl_.get(), CURLOPT_READFUNCTION, ReadUpload);
    curl_easy_setopt(curl_.get(), CURLOPT_READDATA, &upload);
  }
  Collect(curl_.get(), curl_easy_perform(curl_.get()), &answer);
  curl_slist_free_all(headers);
  return answer;
}

std::vector<TestAnswer> TestClient::DoAll(
    const std::vector<TestRequest>& requests) {
  std::vector<TestAnswer> answers(requests.size());
  std::vector<CURL*> handles;
  std::vector<curl_slist*> lists(requests.size(), nullptr);
  CURLM* multi = curl_multi_init();
  for (size_t i = 0; i < requests.size(); ++i) {
    handles.push_back(curl_easy_init());
    Prepare(handles[i], requests[i], &answers[i], &lists[i]);
    curl_multi_add_handle(multi, handles[i]);
  }
  int running = 1;
  while (running > 0) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    const auto at = static_cast<size_t>(
        std::ranges::find(handles, message->easy_handle) - handles.begin());
    Collect(handles[at], message->data.result, &answers[at]);
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    curl_multi_remove_handle(multi, handles[i]);
    curl_easy_cleanup(handles[i]);
    curl_slist_free_all(lists[i]);
  }
  curl_multi_cleanup(multi);
  return answers;
}

std::string TestClient::Credential(const char* name) const {
  const auto text = ReadFile(drive_.credentials_file(), 1 << 20);
  if (!text) return "";
  return TestAnswer{.body = *text}.Field(name);
}

TestAnswer TestClient::Token(const std::string& fields) {
  return Do({.method = "POST",
             .path = "/token",
             .body = "client_id=" + Escape(Credential("client_id")) +
                     "&client_secret=" + Escape(Credential("client_secret")) +
                     "&" + fields,
             .with_token = false});
}

TestAnswer TestClient::LogIn() {
  TestAnswer answer = Token("grant_type=refresh_token&refresh_token=" +
                            Escape(Credential("refresh_token")));
  token_ = answer.Field("access_token");
  return answer;
}

TestAnswer TestClient::PostJson(const std::string& path,
                                const std::string& json) {
  return Do({.method = "POST",
             .path = path,
             .body = json,
             .headers = {"Content-Type: application/json"}});
}

std::string TestClient::NewId() {
  const rapidjson::Document json =
      Get("/drive/v3/files/generateIds?count=1").Json();
  return json.IsObject() && json.HasMember("ids") ? json["ids"][0].GetString()
                                                  : "";
}

TestAnswer TestClient::Upload(const std::string& metadata,
                              const std::string& bytes) {
  return Multipart("POST", "/upload/drive/v3/files", metadata, bytes);
}

TestAnswer TestClient::Update(const std::string& id,
                              const std::string& metadata,
                              const std::string& bytes) {
  return Multipart("PATCH", "/upload/drive/v3/files/" + id, metadata, bytes);
}

TestAnswer TestClient::Multipart(const std::string& method,
                                 const std::string& path,
                                 const std::string& metadata,
                                 const std::string& bytes) {
  return Do({.method = method,
             .path = path + "?uploadType=multipart&fields=*",
             .body = "--b\r\nContent-Type: application/json\r\n\r\n" +
                     metadata +
                     "\r\n--b\r\nContent-Type: application/octet-stream"
                     "\r\n\r\n" +
                     bytes + "\r\n--b--",
             .headers = {"Content-Type: multipart/related; boundary=b"}});
}

std::string TestClient::StartUpload(const std::string& metadata) {
  TestAnswer answer = PostJson(
      "/upload/drive/v3/files?uploadType=resumable&fields=id,size,md5Checksum",
      metadata);
  return answer.status == 200 ? answer.headers["location"] : "";
}

TestAnswer TestClient::PutChunk(const std::string& url,
                                const std::string& bytes,
                                const std::string& content_range) {
  TestRequest request{
      .method = "PUT", .path = url, .body = bytes, .with_token = false};
  if (!content_range.empty())
    request.headers = {"Content-Range: " + content_range};
  return Do(request);
}

TestAnswer TestClient::Download(const std::string& id,
                                const std::string& range) {
  TestRequest request{.path = "/drive/v3/files/" + id + "?alt=media"};
  if (!range.empty()) request.headers = {"Range: " + range};
  return Do(request);
}

}  // namespace driveroot::fakedrive
