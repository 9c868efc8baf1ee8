// SPDX-License-Identifier: Apache-2.0
//
// SHA-256, the hash of everything that a volume stores. Thread-safe.
#ifndef DRIVEROOT_VOLUME_HASH_H_
#define DRIVEROOT_VOLUME_HASH_H_

#include <optional>
#include <string>
#include <string_view>

#include "driveroot/volume/delta.h"

namespace driveroot {

Hash Sha256(std::string_view bytes);

// 64 lower-case digits, and back; nothing when `hex` is anything else.
std::string HexOf(const Hash& hash);
std::optional<Hash> HashFromHex(std::string_view hex);

// Checkpoints and log records are sealed: their last 32 bytes are the SHA-256
// of all bytes before, which is what others name them by.
//
// Appends the seal and returns it.
Hash Seal(std::string& bytes);

// What was sealed, and the seal. Nothing when they do not match.
struct Sealed {
  std::string_view body;
  Hash hash = {};
};
std::optional<Sealed> Unseal(std::string_view bytes);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_HASH_H_
