// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>

#include "driveroot/base/tar/compression.h"

// Whatever comes, it is read to its end or refused, a part at a time.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  StringSource bytes({reinterpret_cast<const char*>(data), size});
  BufferedSource source(&bytes);
  const auto head = source.Peek(kMagicBytes);
  if (!head) return 0;
  const auto format = RecognizeCompression(*head);
  if (!format) return 0;
  const auto contents = MakeDecompressor(*format, &source);
  std::array<char, 4096> buffer;
  // A small input can give very much.
  for (int i = 0; i < 1000; ++i) {
    const auto count = contents->Read(buffer);
    if (!count || *count == 0) return 0;
  }
  return 0;
}
