// SPDX-License-Identifier: Apache-2.0
//
// Both ways to sign in, against a running fakedrive.
#include "driveroot/cli/login.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/net/http_client.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/system_files.h"
#include "driveroot/net/url.h"
#include "driveroot/store/drive/drive_client.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

using fakedrive::FakeDriveProcess;

class LoginTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started =
        FakeDriveProcess::Start({.flags = {"--device_interval_s=0"}});
    ASSERT_TRUE(started) << started.error();
    drive_ = *std::move(started);
    options_ = {.credentials_file = testing::TempDir() + "/login/made.json",
                .drive_endpoint = drive_->endpoint(),
                .ca_file = drive_->ca_file(),
                .client_file = drive_->credentials_file()};
    unlink(options_.credentials_file.c_str());
  }

  Result<DriveQuota> UseCredentials() {
    auto client =
        DriveClient::Open({.credentials_file = options_.credentials_file,
                           .drive_endpoint = drive_->endpoint(),
                           .ca_file = drive_->ca_file()});
    if (!client) return std::unexpected(client.error());
    return (*client)->api().Quota();
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  LoginOptions options_;
};

// A pipe as two streams: what the command prints, and a test reads.
class Output {
 public:
  Output() {
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    reader_ = fdopen(fds[0], "r");
    writer_ = fdopen(fds[1], "w");
  }
  ~Output() {
    Close();
    fclose(reader_);
  }
  FILE* writer() { return writer_; }
  void Close() {
    if (writer_ != nullptr) fclose(writer_);
    writer_ = nullptr;
  }
  std::optional<std::string> Line() {
    char buffer[4096];
    if (fgets(buffer, sizeof(buffer), reader_) == nullptr) return std::nullopt;
    return std::string(buffer);
  }
  std::string Rest() {
    std::string all;
    while (auto line = Line()) all += *line;
    return all;
  }

 private:
  FILE* reader_;
  FILE* writer_;
};

// What a browser does with "http://127.0.0.1:PORT/...": the answer's text.
std::string GetFromLoopback(const std::string& url) {
  const std::optional<UrlParts> parts = ParseUrl(url);
  if (!parts) return "not a URL: " + url;
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(parts->port));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(address)) != 0) {
    return "cannot connect";
  }
  std::string target =
      url.substr(url.find("127.0.0.1:") +
                 ("127.0.0.1:" + std::to_string(parts->port)).size());
  if (!target.starts_with('/')) target = "/" + target;
  EXPECT_TRUE(WriteFully(
      fd.get(), "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
      "the loopback port"));
  std::string answer;
  char buffer[1024];
  ssize_t n;
  while ((n = read(fd.get(), buffer, sizeof(buffer))) > 0) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  return answer;
}

TEST_F(LoginTest, DeviceFlow) {
  Output output;
  const Status login = RunLogin(options_, stdin, output.writer());
  ASSERT_TRUE(login) << login.error();
  output.Close();
  const std::string text = output.Rest();
  EXPECT_TRUE(text.contains("Open ")) << text;
  EXPECT_TRUE(text.contains(options_.credentials_file)) << text;
  struct stat info;
  ASSERT_EQ(stat(options_.credentials_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const Result<Credentials> made = LoadCredentials(options_.credentials_file);
  ASSERT_TRUE(made) << made.error();
  EXPECT_FALSE(text.contains(made->refresh_token.reveal()));
  EXPECT_FALSE(text.contains(made->client.secret.reveal()));
  const Result<DriveQuota> used = UseCredentials();
  EXPECT_TRUE(used) << used.error();
}

TEST_F(LoginTest, LoopbackFlow) {
  options_.loopback = true;
  Output output;
  Status login;
  std::jthread command([&] {
    login = RunLogin(options_, stdin, output.writer());
    output.Close();
  });
  std::string url;
  while (auto line = output.Line()) {
    if (line->starts_with("https://")) {
      url = line->substr(0, line->size() - 1);
      break;
    }
  }
  ASSERT_FALSE(url.empty());

  HttpClientOptions http;
  auto pem = LoadCaBundle(drive_->ca_file());
  ASSERT_TRUE(pem) << pem.error();
  http.ca_pem = *std::move(pem);
  HttpClient browser(std::move(http));
  const Result<HttpResponse> consent =
      browser.Perform({.call = "browser", .url = url});
  ASSERT_TRUE(consent) << consent.error();
  ASSERT_EQ(consent->status, 302);
  const std::string back(consent->Header("location").value_or(""));

  // Strangers are sent away, and do not end the wait.
  const std::string origin = back.substr(0, back.find('?'));
  for (const char* query : {"", "?code=evil", "?code=evil&state=wrong",
                            "?error=access_denied", "?%zz"}) {
    EXPECT_TRUE(GetFromLoopback(origin + query).starts_with("HTTP/1.1 400"))
        << query;
  }
  const std::string answer = GetFromLoopback(back);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  command.join();
  ASSERT_TRUE(login) << login.error();
  const Result<DriveQuota> used = UseCredentials();
  EXPECT_TRUE(used) << used.error();
}

TEST_F(LoginTest, ReusesTheClientOfTheOldCredentials) {
  ASSERT_TRUE(ReplaceFile(testing::TempDir() + "/old.json",
                          *ReadFile(drive_->credentials_file(), 100'000),
                          0600));
  options_.credentials_file = testing::TempDir() + "/old.json";
  options_.client_file.clear();
  Output output;
  const Status login = RunLogin(options_, stdin, output.writer());
  EXPECT_TRUE(login) << login.error();
}

TEST_F(LoginTest, AWrongClientIsExplained) {
  const std::string file = testing::TempDir() + "/client.json";
  ASSERT_TRUE(ReplaceFile(
      file, R"({"client_id":"wrong","client_secret":"wrong"})", 0600));
  options_.client_file = file;
  Output output;
  const Status login = RunLogin(options_, stdin, output.writer());
  ASSERT_FALSE(login);
  EXPECT_EQ(login.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(login.error().message().contains("client id")) << login.error();
  EXPECT_NE(access(options_.credentials_file.c_str(), F_OK), 0);
}

TEST_F(LoginTest, AsksForWhatIsMissing) {
  options_.client_file.clear();
  unsetenv("DRIVEROOT_CLIENT_ID");
  unsetenv("DRIVEROOT_CLIENT_SECRET");
  FILE* nothing = fopen("/dev/null", "r");
  ASSERT_NE(nothing, nullptr);
  Output output;
  const Status login = RunLogin(options_, nothing, output.writer());
  fclose(nothing);
  ASSERT_FALSE(login);
  EXPECT_EQ(login.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(login.error().message().contains("client id")) << login.error();
}

}  // namespace
}  // namespace driveroot
