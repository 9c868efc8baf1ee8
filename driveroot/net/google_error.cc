// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/google_error.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "driveroot/net/json.h"

namespace driveroot {
namespace {

// What is shown of a server's own words.
constexpr size_t kMaxMessageBytes = 300;

struct Refusal {
  std::string_view reason;
  ErrorCode code;
  std::string_view explanation;
};

// The reasons that callers or people treat apart. All others go by status.
constexpr std::array kRefusals = {
    Refusal{"storageQuotaExceeded", ErrorCode::kOutOfSpace,
            "the Google Drive is full: free space there or buy more"},
    Refusal{"teamDriveFileLimitExceeded", ErrorCode::kOutOfSpace,
            "the shared drive holds as many files as it may"},
    Refusal{"numChildrenInNonRootLimitExceeded", ErrorCode::kOutOfSpace,
            "the volume's folder holds as many files as Google Drive lets a "
            "folder hold, and more storage does not help: `driveroot gc "
            "--keep_hours=0 --keep_days=0` deletes those that only past states "
            "need, when the volume is not mounted"},
    Refusal{"dailyLimitExceeded", ErrorCode::kUnavailable,
            "the day's quota of the API project is used up"},
    Refusal{"downloadQuotaExceeded", ErrorCode::kUnavailable,
            "the file was read too often lately; Google Drive lets it be read "
            "again within a day"},
    Refusal{"authError", ErrorCode::kUnauthenticated,
            "the credentials are not accepted: run `driveroot login` again"},
    Refusal{"accessNotConfigured", ErrorCode::kPermissionDenied,
            "the Google Drive API is not enabled in the project of these "
            "credentials: enable it in the Google Cloud console"},
    Refusal{"insufficientFilePermissions", ErrorCode::kPermissionDenied,
            "this account may not do that to the file: ask its owner for "
            "write access"},
    Refusal{"appNotAuthorizedToFile", ErrorCode::kPermissionDenied,
            "these credentials reach only what their own client id made: use "
            "the client id that made the volume"},
    Refusal{"insufficientPermissions", ErrorCode::kPermissionDenied,
            "the credentials lack the scope for Drive: run `driveroot login` "
            "again"},
    Refusal{"insufficientScopes", ErrorCode::kPermissionDenied,
            "the credentials lack the scope for Drive: run `driveroot login` "
            "again"},
    Refusal{"domainPolicy", ErrorCode::kPermissionDenied,
            "the administrator of this Google account has disabled Drive for "
            "applications"},
};

struct GoogleError {
  std::string reason;
  std::string message;
};

// A server's words on one line, without control characters.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kMaxMessageBytes));
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return printable;
}

GoogleError ParseGoogleError(std::string_view body) {
  GoogleError parsed;
  const Result<rapidjson::Document> document =
      ParseJsonObject(body, "the error body");
  if (!document) return parsed;
  const rapidjson::Value* error = JsonMember(*document, "error");
  if (error == nullptr) return parsed;
  parsed.message = Printable(JsonString(*error, "message").value_or(""));
  const rapidjson::Value* errors = JsonMember(*error, "errors");
  if (errors != nullptr && errors->IsArray() && !errors->Empty()) {
    parsed.reason = Printable(JsonString((*errors)[0], "reason").value_or(""));
  }
  return parsed;
}

ErrorCode CodeFromStatus(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
    case 410:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kAlreadyExists;
    default:
      return status >= 400 && status < 500 ? ErrorCode::kInvalidArgument
                                           : ErrorCode::kUnavailable;
  }
}

}  // namespace

std::string GoogleErrorReason(std::string_view body) {
  return ParseGoogleError(body).reason;
}

AttemptFailure FailureFromResponse(std::string_view call,
                                   const HttpResponse& response) {
  const GoogleError error = ParseGoogleError(response.body);
  const RetryClass retry = ClassifyStatus(response.status, error.reason);
  std::string message(call);
  message += " was refused with status " + std::to_string(response.status);
  if (!error.reason.empty()) message += " (" + error.reason + ")";

  ErrorCode code = retry == RetryClass::kNever ? CodeFromStatus(response.status)
                                               : ErrorCode::kUnavailable;
  const auto known =
      std::ranges::find(kRefusals, error.reason, &Refusal::reason);
  if (!error.reason.empty() && known != kRefusals.end()) {
    code = known->code;
    message += ": ";
    message += known->explanation;
  } else if (!error.message.empty()) {
    message += ": " + error.message;
  }
  return {.error = Error(code, std::move(message)),
          .retry =
              code == ErrorCode::kUnauthenticated ? RetryClass::kSignIn : retry,
          .retry_after = response.retry_after,
          .http_status = response.status};
}

}  // namespace driveroot
