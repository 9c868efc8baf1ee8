// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/metadata.h"
#include "glog/logging.h"

// The input is a checkpoint without its seal, which no mutation would hit.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Seal(bytes);
  const auto checkpoint = ParseCheckpoint(bytes);
  if (!checkpoint) return 0;
  const auto encoded =
      EncodeCheckpoint(checkpoint->position, checkpoint->state);
  CHECK(encoded) << encoded.error();
  const auto again = ParseCheckpoint(*encoded);
  CHECK(again) << again.error();
  CHECK(again->position == checkpoint->position);
  CHECK(again->state == checkpoint->state);
  Metadata metadata;
  (void)metadata.Apply(checkpoint->state).has_value();
  return 0;
}
