// SPDX-License-Identifier: Apache-2.0
//
// What a refusal of a Google API means: the JSON error body becomes an
// AttemptFailure with a code that callers act on, a sentence with the remedy,
// and whether a retry can help.
#ifndef DRIVEROOT_NET_GOOGLE_ERROR_H_
#define DRIVEROOT_NET_GOOGLE_ERROR_H_

#include <string>
#include <string_view>

#include "driveroot/net/http.h"
#include "driveroot/net/retry.h"

namespace driveroot {

// The first reason of Google's error body, e.g. "storageQuotaExceeded"; empty
// when the body is not one, for instance a proxy's page.
std::string GoogleErrorReason(std::string_view body);

// The failure behind an answer that is not a success. `call` is the name of the
// call for the message, e.g. "files.create".
//
// The codes: kOutOfSpace, kNotFound, kAlreadyExists (409), kPermissionDenied,
// kUnauthenticated (401), kInvalidArgument (other 4xx), kUnavailable (what may
// pass with time).
AttemptFailure FailureFromResponse(std::string_view call,
                                   const HttpResponse& response);

}  // namespace driveroot

#endif  // DRIVEROOT_NET_GOOGLE_ERROR_H_
