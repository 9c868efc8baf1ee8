// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/endpoints.h"

#include <gtest/gtest.h>

#include "driveroot/base/result.h"

namespace driveroot {
namespace {

TEST(Endpoints, AreGooglesByDefault) {
  const Result<Endpoints> endpoints = MakeEndpoints("");
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(endpoints->token, "https://oauth2.googleapis.com/token");
  EXPECT_EQ(endpoints->drive, "https://www.googleapis.com/drive/v3");
  EXPECT_EQ(endpoints->upload, "https://www.googleapis.com/upload/drive/v3");
}

TEST(Endpoints, AreAllUnderOneAddress) {
  for (const char* base :
       {"https://127.0.0.1:8443", "https://127.0.0.1:8443/"}) {
    const Result<Endpoints> endpoints = MakeEndpoints(base);
    ASSERT_TRUE(endpoints);
    EXPECT_EQ(endpoints->token, "https://127.0.0.1:8443/token");
    EXPECT_EQ(endpoints->device_code, "https://127.0.0.1:8443/device/code");
    EXPECT_EQ(endpoints->authorization,
              "https://127.0.0.1:8443/o/oauth2/v2/auth");
    EXPECT_EQ(endpoints->drive, "https://127.0.0.1:8443/drive/v3");
    EXPECT_EQ(endpoints->upload, "https://127.0.0.1:8443/upload/drive/v3");
  }
}

TEST(Endpoints, OthersAreRefused) {
  for (const char* base : {"http://127.0.0.1:8443", "127.0.0.1:8443", "x",
                           "https://h/?a=b", "https://user@h"}) {
    const Result<Endpoints> endpoints = MakeEndpoints(base);
    ASSERT_FALSE(endpoints) << base;
    EXPECT_EQ(endpoints.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_TRUE(endpoints.error().message().contains(base));
  }
}

}  // namespace
}  // namespace driveroot
