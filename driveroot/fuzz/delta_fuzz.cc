// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/volume/codec.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/wire.h"
#include "glog/logging.h"

// The input is two deltas, each one chunk before compression, the first one's
// length (two bytes) before both. They are applied one after the other.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.size() < 2) return 0;
  const size_t split =
      static_cast<uint8_t>(rest[0]) << 8 | static_cast<uint8_t>(rest[1]);
  rest.remove_prefix(2);
  Metadata metadata;
  for (const std::string_view chunk :
       {rest.substr(0, split), rest.substr(std::min(split, rest.size()))}) {
    WireWriter out;
    out.Varint(chunk.size());
    out.Bytes(chunk);
    out.Varint(0);
    const auto delta = DecodeDelta(out.bytes());
    if (!delta) return 0;
    const auto encoded = EncodeDelta(*delta);
    CHECK(encoded) << encoded.error();
    const auto again = DecodeDelta(*encoded);
    CHECK(again) << again.error();
    CHECK(*again == *delta);
    if (!metadata.Apply(*delta)) return 0;
  }
  if (!metadata.CheckNames()) return 0;
  Metadata copy;
  const Status applied = copy.Apply(metadata.FullDelta());
  CHECK(applied) << applied.error();
  CHECK(copy.FullDelta() == metadata.FullDelta());
  metadata.RemoveOrphans();
  (void)metadata.TakeDelta();
  return 0;
}
