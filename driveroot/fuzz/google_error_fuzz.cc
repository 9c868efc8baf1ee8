// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "driveroot/net/google_error.h"

// The first byte chooses the status.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)GoogleErrorReason(body);
  HttpResponse response;
  response.status = 300 + data[0];
  response.body = body;
  (void)FailureFromResponse("files.create", response);
  return 0;
}
