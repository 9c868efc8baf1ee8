// SPDX-License-Identifier: Apache-2.0
//
// For tests: bytes that do not compress. Pure.
#ifndef DRIVEROOT_BASE_NOISE_H_
#define DRIVEROOT_BASE_NOISE_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace driveroot {

// They differ with `seed`.
inline std::string Noise(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_NOISE_H_
