// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/segment.h"
#include "driveroot/volume/wire.h"
#include "glog/logging.h"

// The input is a segment without the seal of its index.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // The seal is over the index and its length, which come last.
  WireReader last(std::string_view(bytes).substr(size < 8 ? size : size - 8));
  const uint64_t length = last.Fixed64();
  if (length <= size) {
    std::string index = bytes.substr(size - std::min(size, length + 8));
    const size_t before = index.size();
    Seal(index);
    bytes += index.substr(before);
  }
  const auto read = [&](uint64_t offset, uint64_t part) -> Result<std::string> {
    return offset < bytes.size() ? bytes.substr(offset, part) : std::string();
  };
  const auto frames = ReadSegmentIndex(bytes.size(), read);
  if (!frames) return 0;
  for (const FrameDelta& frame : *frames) {
    CHECK_LE(frame.object_offset + frame.stored_length, bytes.size());
    const auto raw =
        DecodeFrame(*read(frame.object_offset, frame.stored_length),
                    frame.raw_length, frame.hash);
    if (raw) CHECK_EQ(raw->size(), frame.raw_length);
  }
  return 0;
}
