// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/transfer/image_manifest.h"
#include "glog/logging.h"

// The input is the JSON of all members, with a NUL between them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const bool is_docker = rest.starts_with("[");
  const auto layers =
      LayersOfImage([&](const std::string& name) -> Result<std::string> {
        if ((name == "manifest.json") != is_docker) {
          return Fail(ErrorCode::kNotFound, name);
        }
        const std::string_view text = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(text.size() + 1, rest.size()));
        return std::string(text);
      });
  if (layers) CHECK(!layers->empty());
  return 0;
}
