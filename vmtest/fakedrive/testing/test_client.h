// SPDX-License-Identifier: Apache-2.0
//
// A small HTTPS client for fakedrive's own tests: says what it wants to say,
// however wrong, and reports what came back. Not thread-safe.
#ifndef VMTEST_FAKEDRIVE_TESTING_TEST_CLIENT_H_
#define VMTEST_FAKEDRIVE_TESTING_TEST_CLIENT_H_

#include <curl/curl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rapidjson/document.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot::fakedrive {

struct TestRequest {
  std::string method = "GET";
  std::string path;  // Or a whole URL.
  std::string body{};
  std::vector<std::string> headers{};
  bool with_token = true;
  bool chunked = false;
  // With `chunked`: the client gives up after so many bytes of the body.
  size_t give_up_after = SIZE_MAX;
};

struct TestAnswer {
  CURLcode code = CURLE_OK;  // What libcurl says of the transfer.
  long status = 0;
  long http_version = 0;  // CURL_HTTP_VERSION_1_1 or _2_0
  double first_byte_s = 0;
  std::string body{};
  std::map<std::string, std::string> headers{};  // Names in lower case.

  // The body as JSON; null if it is none.
  rapidjson::Document Json() const;
  // A string member of the body's object, or "".
  std::string Field(const char* name) const;
  // The reason in an error's JSON, or "".
  std::string Reason() const;
};

class TestClient {
 public:
  // `http_version`: CURL_HTTP_VERSION_1_1 or CURL_HTTP_VERSION_2TLS.
  TestClient(const FakeDriveProcess* drive, long http_version)
      : drive_(*drive),
        http_version_(http_version),
        curl_(curl_easy_init(), curl_easy_cleanup) {}

  // Gets an access token with the credentials file's refresh token.
  TestAnswer LogIn();
  // POST /token with these fields and the client's id and secret.
  TestAnswer Token(const std::string& fields);

  TestAnswer Do(const TestRequest& request);
  // All at once, on one connection if it is HTTP/2.
  std::vector<TestAnswer> DoAll(const std::vector<TestRequest>& requests);

  // Shorthand.
  TestAnswer Get(const std::string& path) { return Do({.path = path}); }
  TestAnswer PostJson(const std::string& path, const std::string& json);
  std::string NewId();
  // A multipart create, and a multipart update; `metadata` is JSON.
  TestAnswer Upload(const std::string& metadata, const std::string& bytes);
  TestAnswer Update(const std::string& id, const std::string& metadata,
                    const std::string& bytes);
  // The address of a resumable upload that was started, or "".
  std::string StartUpload(const std::string& metadata);
  TestAnswer PutChunk(const std::string& url, const std::string& bytes,
                      const std::string& content_range);
  TestAnswer Download(const std::string& id, const std::string& range = "");

  const std::string& token() const { return token_; }
  void set_token(const std::string& token) { token_ = token; }
  // A value of the credentials file.
  std::string Credential(const char* name) const;

 private:
  TestAnswer Multipart(const std::string& method, const std::string& path,
                       const std::string& metadata, const std::string& bytes);
  void Prepare(CURL* curl, const TestRequest& request, TestAnswer* answer,
               curl_slist** headers) const;

  const FakeDriveProcess& drive_;
  const long http_version_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  std::string token_;
};

std::string Escape(const std::string& text);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_TESTING_TEST_CLIENT_H_
