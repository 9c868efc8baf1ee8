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
  const std::string text = EncodeSuperblock(*superblock);
  const auto again = ParseSuperblock(text);
  CHECK(again) << again.error();
  CHECK_EQ(EncodeSuperblock(*again), text);
  return 0;
}
