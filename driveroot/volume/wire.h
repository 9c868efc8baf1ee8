// SPDX-License-Identifier: Apache-2.0
//
// The primitives that everything on Drive is written with: unsigned integers in
// LEB128 ("varints"), signed ones zigzag-coded first, byte strings with their
// length before them, and fixed-size little-endian integers.
//
// A WireReader is made for hostile bytes: it never reads past the end, refuses
// varints that are not in their shortest form, and after the first failure only
// returns zeros, so that a parser asks ok() once at its end, and wherever it
// would act on a value before that. Values; not thread-safe.
#ifndef DRIVEROOT_VOLUME_WIRE_H_
#define DRIVEROOT_VOLUME_WIRE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/volume/delta.h"

namespace driveroot {

class WireWriter {
 public:
  void Varint(uint64_t value);
  void Signed(int64_t value) {
    Varint((static_cast<uint64_t>(value) << 1) ^
           static_cast<uint64_t>(value >> 63));
  }
  void Bytes(std::string_view bytes) {
    Varint(bytes.size());
    Raw(bytes);
  }
  void Raw(std::string_view bytes) { bytes_.append(bytes); }
  void Byte(uint8_t byte) { bytes_.push_back(static_cast<char>(byte)); }
  void Fixed32(uint32_t value) { Fixed(value, 4); }
  void Fixed64(uint64_t value) { Fixed(value, 8); }
  void Hash32(const Hash& hash) { bytes_.append(hash.begin(), hash.end()); }

  size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  void Fixed(uint64_t value, int size);

  std::string bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Varint();
  // A varint of at most `limit`.
  uint64_t Varint(uint64_t limit);
  uint32_t Varint32() { return static_cast<uint32_t>(Varint(UINT32_MAX)); }
  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  // Valid as long as the bytes that are read.
  std::string_view Bytes(uint64_t max_size);
  std::string_view Raw(uint64_t size);
  uint8_t Byte();
  uint32_t Fixed32() { return static_cast<uint32_t>(Fixed(4)); }
  uint64_t Fixed64() { return Fixed(8); }
  Hash Hash32();

  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }
  // Everything was read, and without failure.
  bool done() const { return ok_ && rest_.empty(); }
  void Refuse() {
    ok_ = false;
    rest_ = {};
  }

 private:
  uint64_t Fixed(int size);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_WIRE_H_
