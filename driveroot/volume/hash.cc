// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/hash.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace driveroot {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

Hash Sha256(std::string_view bytes) {
  Hash hash;
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         hash.data());
  return hash;
}

std::string HexOf(const Hash& hash) {
  std::string hex;
  for (const uint8_t byte : hash) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::optional<Hash> HashFromHex(std::string_view hex) {
  Hash hash;
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < hash.size(); ++i) {
    const size_t high = kDigits.find(hex[2 * i]);
    const size_t low = kDigits.find(hex[2 * i + 1]);
    if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
    hash[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return hash;
}

Hash Seal(std::string& bytes) {
  const Hash hash = Sha256(bytes);
  bytes.append(hash.begin(), hash.end());
  return hash;
}

std::optional<Sealed> Unseal(std::string_view bytes) {
  Sealed sealed;
  if (bytes.size() < sealed.hash.size()) return std::nullopt;
  sealed.body = bytes.substr(0, bytes.size() - sealed.hash.size());
  std::memcpy(sealed.hash.data(), bytes.data() + sealed.body.size(),
              sealed.hash.size());
  if (Sha256(sealed.body) != sealed.hash) return std::nullopt;
  return sealed;
}

}  // namespace driveroot
