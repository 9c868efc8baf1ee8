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

#include "driveroot/base/base64.h"

namespace driveroot::fakedrive {
namespace {

constexpr size_t kMacSize = 12;

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
