// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "driveroot/net/oauth/credentials.h"
#include "glog/logging.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto credentials = ParseCredentials(text, "file");
  if (credentials) CHECK(!credentials->client.id.empty());
  (void)ParseOAuthClient(text, "file").has_value();
  return 0;
}
