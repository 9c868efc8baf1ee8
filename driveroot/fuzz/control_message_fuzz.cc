// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "driveroot/control/message.h"

// What is accepted is what would be sent: whatever a line means, it means the
// same to both sides.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  const std::string text(reinterpret_cast<const char*>(data), size);
  LineSplitter lines(256);
  lines.Add(text);
  while (const auto line = lines.Next()) {
    if (!*line) break;
    if (line->value().contains('\n')) std::abort();
    (void)ParseAnswer(**line);
    const Result<ControlRequest> request = ParseRequest(**line);
    if (!request) continue;
    // The other form of a line may be longer.
    const Result<std::string> again = EncodeRequest(*request);
    if (!again) std::abort();
    const Result<ControlRequest> parsed =
        ParseRequest(std::string_view(*again).substr(0, again->size() - 1));
    if (!parsed || *parsed != *request) std::abort();
  }
  return 0;
}
