// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "driveroot/volume/superblock.h"
#include "glog/logging.h"

// What is accepted is written again as it was read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  const auto superblock =
      ParseSuperblock({reinterpret_cast<const char*>(data), size});
  if (!superblock) return 0;
  // One at the limit may not be: numbers may be longer than they were, and what
  // makes no sense is left out.
  const auto text = EncodeSuperblock(*superblock);
  if (!text) return 0;
  const auto again = ParseSuperblock(*text);
  CHECK(again) << again.error();
  CHECK_EQ(EncodeSuperblock(*again).value(), *text);
  return 0;
}
