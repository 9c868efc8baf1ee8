// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/google_error.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/fake_transport.h"
#include "driveroot/net/http.h"
#include "driveroot/net/retry.h"

namespace driveroot {
namespace {

TEST(GoogleError, ReasonsBecomeCodes) {
  struct Case {
    int status;
    std::string reason;
    ErrorCode code;
    RetryClass retry;
  };
  for (const Case& each : std::vector<Case>{
           {403, "downloadQuotaExceeded", ErrorCode::kUnavailable,
            RetryClass::kNever},
           {403, "storageQuotaExceeded", ErrorCode::kOutOfSpace,
            RetryClass::kNever},
           {403, "dailyLimitExceeded", ErrorCode::kUnavailable,
            RetryClass::kNever},
           {403, "userRateLimitExceeded", ErrorCode::kUnavailable,
            RetryClass::kRateLimit},
           {429, "rateLimitExceeded", ErrorCode::kUnavailable,
            RetryClass::kRateLimit},
           {403, "insufficientFilePermissions", ErrorCode::kPermissionDenied,
            RetryClass::kNever},
           {403, "appNotAuthorizedToFile", ErrorCode::kPermissionDenied,
            RetryClass::kNever},
           {403, "somethingNew", ErrorCode::kPermissionDenied,
            RetryClass::kNever},
           {404, "notFound", ErrorCode::kNotFound, RetryClass::kNever},
           {409, "fileIdInUse", ErrorCode::kAlreadyExists, RetryClass::kNever},
           {401, "authError", ErrorCode::kUnauthenticated, RetryClass::kSignIn},
           {400, "badRequest", ErrorCode::kInvalidArgument, RetryClass::kNever},
           {503, "backendError", ErrorCode::kUnavailable,
            RetryClass::kTransient}}) {
    const AttemptFailure failure = FailureFromResponse(
        "files.create", GoogleErrorResponse(each.status, each.reason));
    EXPECT_EQ(failure.error.code(), each.code) << each.reason;
    EXPECT_EQ(failure.retry, each.retry) << each.reason;
    EXPECT_EQ(failure.http_status, each.status);
    EXPECT_TRUE(failure.error.message().contains("files.create"));
    EXPECT_TRUE(failure.error.message().contains(each.reason));
  }
}

TEST(GoogleError, RetryAfterIsPassedOn) {
  HttpResponse response = GoogleErrorResponse(503, "backendError");
  response.retry_after = std::chrono::seconds(7);
  EXPECT_EQ(FailureFromResponse("x", response).retry_after,
            std::chrono::seconds(7));
}

TEST(GoogleError, RemediesAreNamed) {
  const AttemptFailure full = FailureFromResponse(
      "files.create", GoogleErrorResponse(403, "storageQuotaExceeded"));
  EXPECT_TRUE(full.error.message().contains("the Google Drive is full"))
      << full.error;
}

TEST(GoogleError, HostileBodiesGoByStatus) {
  for (const std::string_view body :
       {"", "<html>sign in</html>", "[]", R"({"error":"x"})",
        R"({"error":{"errors":{}}})", R"({"error":{"errors":[]}})",
        R"({"error":{"errors":[7]}})",
        R"({"error":{"message":{},"errors":[{"reason":[]}]}})"}) {
    const AttemptFailure failure =
        FailureFromResponse("files.get", JsonResponse(403, std::string(body)));
    EXPECT_EQ(failure.error.code(), ErrorCode::kPermissionDenied) << body;
    EXPECT_EQ(GoogleErrorReason(body), "") << body;
  }
}

TEST(GoogleError, AServersWordsAreShortenedAndPrintable) {
  const AttemptFailure failure = FailureFromResponse(
      "files.get", JsonResponse(400, R"({"error":{"message":"a\u001b[31m\n)" +
                                         std::string(5000, 'x') + R"("}})"));
  EXPECT_LT(failure.error.message().size(), 500u);
  EXPECT_EQ(failure.error.message().find('\x1b'), std::string::npos);
  EXPECT_EQ(failure.error.message().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace driveroot
