// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/credentials_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "driveroot/base/files.h"
#include "driveroot/net/secret.h"

namespace driveroot {
namespace {

class CredentialsFileTest : public testing::Test {
 protected:
  void Write(const std::string& token) {
    ASSERT_TRUE(SaveCredentials(
        path_, {.client = {.id = "id", .secret = Secret("secret")},
                .refresh_token = Secret(token),
                .token_uri = ""}));
  }
  static std::string Token(const std::optional<Credentials>& credentials) {
    return credentials ? std::string(credentials->refresh_token.reveal())
                       : "none";
  }

  const std::string path_ =
      testing::TempDir() +
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(CredentialsFileTest, TellsOfEachVersionOnce) {
  Write("first");
  Result<CredentialsFile> file = CredentialsFile::Open(path_);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(Token(file->TakeNewer()), "first");
  EXPECT_EQ(Token(file->TakeNewer()), "none");
  Write("second");
  EXPECT_EQ(Token(file->TakeNewer()), "second");
  EXPECT_EQ(Token(file->TakeNewer()), "none");
}

TEST_F(CredentialsFileTest, WaitsForOneThatCanBeUsed) {
  EXPECT_FALSE(CredentialsFile::Open(path_));
  Write("first");
  Result<CredentialsFile> file = CredentialsFile::Open(path_);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(Token(file->TakeNewer()), "first");
  ASSERT_TRUE(ReplaceFile(path_, "{", 0600));
  EXPECT_EQ(Token(file->TakeNewer()), "none");
  Write("second");
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(Token(file->TakeNewer()), "none");
  // Not written, and good again.
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_EQ(Token(file->TakeNewer()), "second");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(Token(file->TakeNewer()), "none");
  Write("third");
  EXPECT_EQ(Token(file->TakeNewer()), "third");
}

}  // namespace
}  // namespace driveroot
