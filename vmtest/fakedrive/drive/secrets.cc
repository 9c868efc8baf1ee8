// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/secrets.h"

#include <glog/logging.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace driveroot::fakedrive {
namespace {

constexpr size_t kMacSize = 12;

constexpr char kAlphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  CHECK_EQ(RAND_bytes(reinterpret_cast<uint8_t*>(bytes.data()),
                      static_cast<int>(size)),
           1);
  return bytes;
}

std::string Base64Url(std::string_view bytes) {
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<uint8_t>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(kAlphabet[(bits >> count) & 63]);
    }
  }
  if (count > 0) text.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  return text;
}

std::optional<std::string> FromBase64Url(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = Base64Value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>((bits >> count) & 255));
    }
  }
  // Left-over bits must be zero, or two texts would mean the same bytes.
  if (count == 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    text.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return text;
}

std::string Sha256(std::string_view bytes) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(Bytes(bytes), bytes.size(), digest.data());
  return {digest.begin(), digest.end()};
}

std::string Sealer::Mac(std::string_view purpose,
                        std::string_view bytes) const {
  std::string message(purpose);
  message.push_back('\0');
  message.append(bytes);
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             Bytes(message), message.size(), digest.data(), &size) != nullptr);
  return {digest.begin(), digest.begin() + kMacSize};
}

std::string Sealer::Seal(std::string_view purpose,
                         std::string_view bytes) const {
  return Base64Url(std::string(bytes) + Mac(purpose, bytes));
}

std::optional<std::string> Sealer::Open(std::string_view purpose,
                                        std::string_view text) const {
  const auto sealed = FromBase64Url(text);
  if (!sealed || sealed->size() < kMacSize) return std::nullopt;
  const std::string bytes = sealed->substr(0, sealed->size() - kMacSize);
  const std::string mac = Mac(purpose, bytes);
  if (CRYPTO_memcmp(mac.data(), sealed->data() + bytes.size(), kMacSize) != 0)
    return std::nullopt;
  return bytes;
}

}  // namespace driveroot::fakedrive
