// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/transfer/elf_needs.h"
#include "glog/logging.h"

// What a file needs is no more than the file says.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ElfNeeds needs = ReadElfNeeds(bytes);
  size_t length = needs.interpreter.size();
  for (const std::string& library : needs.libraries) {
    CHECK(!library.empty());
    length += library.size();
  }
  CHECK_LE(length, kMaxElfNeedsBytes);
  return 0;
}
