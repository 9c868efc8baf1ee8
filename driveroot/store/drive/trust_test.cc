// SPDX-License-Identifier: Apache-2.0
//
// Which servers a DriveClient trusts, and what it says of others, against a
// running fakedrive.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_volume.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

using fakedrive::FakeDriveProcess;

class TrustTest : public testing::Test {
 protected:
  void SetUp() override {
    auto drive = FakeDriveProcess::Start();
    ASSERT_TRUE(drive) << drive.error();
    drive_ = *std::move(drive);
  }

  // Why nothing is asked of the server with these certificates.
  Error RefusalWith(const std::string& ca_file) {
    auto client = DriveClient::Open(
        {.credentials_file = drive_->credentials_file(),
         .drive_endpoint = drive_->endpoint(),
         .ca_file = ca_file,
         .retry_limit = RetryLimit::Within(std::chrono::seconds(60))});
    if (!client) return client.error();
    const auto store = OpenDriveVolume(*std::move(client), "root");
    return store ? Error(ErrorCode::kInternal, "opened") : store.error();
  }

  std::unique_ptr<FakeDriveProcess> drive_;
};

TEST_F(TrustTest, TheRightAuthorityIsTrusted) {
  // It is asked, and has no such volume.
  EXPECT_EQ(RefusalWith(drive_->ca_file()).code(), ErrorCode::kNotFound);
}

TEST_F(TrustTest, AnUnknownAuthorityIsRefused) {
  auto other = FakeDriveProcess::Start();
  ASSERT_TRUE(other) << other.error();
  const Error error = RefusalWith((*other)->ca_file());
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(error.message().contains("--ca_file=FILE")) << error;
}

// At once: no network mends it.
TEST_F(TrustTest, ABundleThatCannotBeReadIsNamed) {
  const std::string path = testing::TempDir() + "/damaged.pem";
  ASSERT_TRUE(ReplaceFile(path,
                          "-----BEGIN CERTIFICATE-----\nabc\n"
                          "-----END CERTIFICATE-----\n",
                          0644));
  const Error error = RefusalWith(path);
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error;
  EXPECT_TRUE(error.message().contains("--ca_file=FILE")) << error;
}

}  // namespace
}  // namespace driveroot
