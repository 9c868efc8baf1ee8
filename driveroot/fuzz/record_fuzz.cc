// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "driveroot/volume/hash.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "glog/logging.h"

// The input is a log record without its seal, which no mutation would hit.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Seal(bytes);
  const auto record = ParseRecord(bytes);
  if (!record) return 0;
  const auto encoded = EncodeRecord(record->header, record->delta, "");
  CHECK(encoded) << encoded.error();
  const auto again = ParseRecord(*encoded);
  CHECK(again) << again.error();
  CHECK(again->header == record->header);
  CHECK(again->delta == record->delta);
  // Whatever it says, the state refuses it or stays in order.
  Metadata metadata;
  if (metadata.Apply(record->delta) && metadata.CheckNames()) {
    Metadata copy;
    const Status applied = copy.Apply(metadata.FullDelta());
    CHECK(applied) << applied.error();
    CHECK(copy.FullDelta() == metadata.FullDelta());
  }
  return 0;
}
