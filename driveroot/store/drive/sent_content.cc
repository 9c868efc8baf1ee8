// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/sent_content.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstddef>
#include <span>

namespace driveroot {
namespace {

// Hashing fewer takes less than starting a thread for it.
constexpr size_t kHashInBackground = 256u << 10;

std::string Hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Sha256Hex(std::string_view bytes) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), digest);
  return Hex(digest);
}

std::string Md5Hex(std::string_view bytes) {
  uint8_t digest[MD5_DIGEST_LENGTH];
  MD5(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), digest);
  return Hex(digest);
}

}  // namespace

SentContent::SentContent(std::string_view id, std::string_view bytes)
    : id_(id),
      bytes_(bytes),
      sha256_(std::async(bytes.size() >= kHashInBackground
                             ? std::launch::async
                             : std::launch::deferred,
                         Sha256Hex, bytes)
                  .share()) {}

ContentMatch SentContent::Compare(const DriveFile& file) const {
  if (file.id != id_) return ContentMatch::kOther;
  if (!file.size) return ContentMatch::kUnknown;
  if (*file.size != bytes_.size()) return ContentMatch::kOther;
  if (!file.sha256.empty()) {
    return file.sha256 == sha256_.get() ? ContentMatch::kSame
                                        : ContentMatch::kOther;
  }
  if (file.md5.empty()) return ContentMatch::kUnknown;
  return file.md5 == Md5Hex(bytes_) ? ContentMatch::kSame
                                    : ContentMatch::kOther;
}

}  // namespace driveroot
