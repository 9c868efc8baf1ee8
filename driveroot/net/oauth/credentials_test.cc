// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/credentials.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

constexpr std::string_view kGood =
    R"({"client_id":"i","client_secret":"s","refresh_token":"r"})";

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest()
      : folder_(testing::TempDir() + "/" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~CredentialsTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(CredentialsTest, AreSavedPrivateAndLoaded) {
  const std::string path = folder_ + "/new/folder/credentials.json";
  const Credentials credentials{
      .client = {.id = "id", .secret = Secret("se\"cret")},
      .refresh_token = Secret("refresh"),
      .token_uri = "https://h/token"};
  const Status saved = SaveCredentials(path, credentials);
  ASSERT_TRUE(saved) << saved.error();
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((folder_ + "/new/folder").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);

  const Result<Credentials> loaded = LoadCredentials(path);
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->client.id, "id");
  EXPECT_EQ(loaded->client.secret.reveal(), "se\"cret");
  EXPECT_EQ(loaded->refresh_token.reveal(), "refresh");
  EXPECT_EQ(loaded->token_uri, "https://h/token");
}

TEST_F(CredentialsTest, OthersMayNotReadThem) {
  const std::string path = folder_ + "/c.json";
  for (const mode_t mode : {0644, 0640, 0604, 0620, 0666}) {
    ASSERT_TRUE(ReplaceFile(path, kGood, mode));
    const Result<Credentials> loaded = LoadCredentials(path);
    ASSERT_FALSE(loaded) << mode;
    EXPECT_EQ(loaded.error().code(), ErrorCode::kPermissionDenied);
    EXPECT_TRUE(loaded.error().message().contains("chmod 600 " + path))
        << loaded.error();
  }
  ASSERT_TRUE(ReplaceFile(path, kGood, 0644));
  EXPECT_TRUE(LoadCredentials(path).error().message().contains("mode 644"));
  for (const mode_t mode : {0600, 0400}) {
    ASSERT_TRUE(ReplaceFile(path, kGood, mode));
    EXPECT_TRUE(LoadCredentials(path)) << mode;
  }
}

TEST_F(CredentialsTest, AMissingFileNamesTheRemedy) {
  const Result<Credentials> loaded = LoadCredentials(folder_ + "/none");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(loaded.error().message().contains("driveroot login"));
}

TEST_F(CredentialsTest, BrokenFilesAreExplained) {
  for (const std::string_view text :
       {"", "{", "[]", "{}", R"({"client_id":"i","client_secret":"s"})",
        R"({"client_id":"i","client_secret":"s","refresh_token":7})",
        R"({"client_id":"i","client_secret":"s","refresh_token":""})",
        R"({"client_id":"i","client_secret":"s","refresh_token":"a\nb"})",
        R"({"client_id":"i","client_secret":"s","refresh_token":"r",)"
        R"("token_uri":"http://h/token"})",
        R"({"client_id":"i","client_secret":"s","refresh_token":"r",)"
        R"("token_uri":7})"}) {
    const Result<Credentials> parsed = ParseCredentials(text, "the file");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_TRUE(parsed.error().message().contains("the file")) << text;
  }
}

TEST_F(CredentialsTest, TheConsolesClientFileIsTaken) {
  const Result<OAuthClient> client = ParseOAuthClient(
      R"({"installed":{"client_id":"i","client_secret":"s","auth_uri":"x"}})",
      "client.json");
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->id, "i");
  EXPECT_EQ(client->secret.reveal(), "s");
}

TEST_F(CredentialsTest, TheDefaultPathFollowsXdg) {
  setenv("HOME", "/home/u", 1);
  unsetenv("XDG_CONFIG_HOME");
  EXPECT_EQ(DefaultCredentialsPath().value_or(""),
            "/home/u/.config/driveroot/credentials.json");
  setenv("XDG_CONFIG_HOME", "/cfg", 1);
  EXPECT_EQ(DefaultCredentialsPath().value_or(""),
            "/cfg/driveroot/credentials.json");
  // The specification has relative values ignored.
  setenv("XDG_CONFIG_HOME", "cfg", 1);
  EXPECT_EQ(DefaultCredentialsPath().value_or(""),
            "/home/u/.config/driveroot/credentials.json");
  unsetenv("HOME");
  EXPECT_FALSE(DefaultCredentialsPath());
}

}  // namespace
}  // namespace driveroot
