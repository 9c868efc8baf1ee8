// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/wire.h"

#include <algorithm>

namespace driveroot {

void WireWriter::Varint(uint64_t value) {
  while (value >= 0x80) {
    Byte(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  Byte(static_cast<uint8_t>(value));
}

void WireWriter::Fixed(uint64_t value, int size) {
  for (int i = 0; i < size; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t WireReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = Byte();
    if (!ok_) return 0;
    const uint64_t bits = byte & 0x7f;
    const bool too_large = shift == 63 && bits > 1;
    const bool not_shortest = shift > 0 && byte == 0;
    if (too_large || not_shortest) break;
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  Refuse();
  return 0;
}

uint64_t WireReader::Varint(uint64_t limit) {
  const uint64_t value = Varint();
  if (value <= limit) return value;
  Refuse();
  return 0;
}

std::string_view WireReader::Bytes(uint64_t max_size) {
  return Raw(Varint(max_size));
}

std::string_view WireReader::Raw(uint64_t size) {
  if (size > rest_.size()) {
    Refuse();
    return {};
  }
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

uint8_t WireReader::Byte() {
  const std::string_view byte = Raw(1);
  return byte.empty() ? 0 : static_cast<uint8_t>(byte.front());
}

uint64_t WireReader::Fixed(int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(Byte()) << (8 * i);
  }
  return ok_ ? value : 0;
}

Hash WireReader::Hash32() {
  Hash hash = {};
  std::ranges::copy(Raw(hash.size()), hash.begin());
  return hash;
}

}  // namespace driveroot
