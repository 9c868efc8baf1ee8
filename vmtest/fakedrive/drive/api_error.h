// SPDX-License-Identifier: Apache-2.0
//
// Drive's errors: a status, a reason that programs look at, a message for
// people, and sometimes which parameter was at fault.
#ifndef VMTEST_FAKEDRIVE_DRIVE_API_ERROR_H_
#define VMTEST_FAKEDRIVE_DRIVE_API_ERROR_H_

#include <expected>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

struct ApiError {
  int status = 500;
  std::string reason;
  std::string message;
  std::string domain = "global";
  std::string location;       // E.g. the parameter's name.
  std::string location_type;  // "parameter" or "header".
  Headers headers;            // Added to the response.
};

template <typename T>
using ApiResult = std::expected<T, ApiError>;

// 400 invalid, for a parameter of that name.
ApiError InvalidParameter(std::string_view parameter, std::string message);
// 400 badRequest, for what is wrong with a body or a header.
ApiError BadRequest(std::string message);
ApiError FileNotFound(std::string_view id);
// 403 of the domain "usageLimits" or "global".
ApiError Forbidden(std::string_view reason, std::string message);
ApiError UsageLimit(std::string_view reason, std::string message);
// 501: Google has it, this server does not. No client can take that for an
// answer of Google's.
ApiError NotSimulated(std::string_view what);
// The local disk failed: 500.
ApiError Internal(const Error& error);

Response ErrorResponse(const ApiError& error);

// Evaluates `expression`, a Result; on failure returns a 500 from the enclosing
// function, which returns an ApiResult.
#define FAKEDRIVE_RETURN_IF_DISK_ERROR(expression)           \
  do {                                                       \
    if (auto disk_status = (expression); !disk_status)       \
      return std::unexpected(Internal(disk_status.error())); \
  } while (false)

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_API_ERROR_H_
