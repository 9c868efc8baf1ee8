// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/superblock_copy.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "driveroot/base/base64.h"

namespace driveroot {
namespace {

constexpr size_t kMaxPropertyBytes = 124;
constexpr size_t kMaxProperties = 30;

constexpr std::string_view kCopyKey = "driveroot_copy";
constexpr size_t kMaxPieces = kMaxProperties - 2;
constexpr size_t kPieceBytes =
    kMaxPropertyBytes - kCopyKey.size() - std::string_view("_00").size();

std::string PieceKey(size_t number) {
  std::string key(kCopyKey);
  key += '_';
  key += static_cast<char>('0' + number / 10);
  key += static_cast<char>('0' + number % 10);
  return key;
}

// Against pieces of different superblocks, not against malice: what the copy
// names has hashes of its own.
std::string Checked(std::string_view superblock) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(superblock.data()), superblock.size(),
         digest);
  return std::to_string(superblock.size()) + ":" +
         Base64Url(std::string_view(reinterpret_cast<const char*>(digest),
                                    sizeof(digest)));
}

}  // namespace

bool FitsSuperblockOf(std::string_view volume_name) {
  return !volume_name.empty() &&
         kSuperblockOfKey.size() + volume_name.size() <= kMaxPropertyBytes;
}

std::map<std::string, std::optional<std::string>> PropertiesWithCopy(
    std::string_view volume_name, std::string_view superblock) {
  std::map<std::string, std::optional<std::string>> properties;
  properties[std::string(kSuperblockOfKey)] = std::nullopt;
  properties[std::string(kCopyKey)] = std::nullopt;
  for (size_t i = 0; i < kMaxPieces; ++i) properties[PieceKey(i)];

  const std::string text = Base64Url(superblock);
  if (!FitsSuperblockOf(volume_name) ||
      text.size() > kMaxPieces * kPieceBytes) {
    return properties;
  }
  properties[std::string(kSuperblockOfKey)] = volume_name;
  properties[std::string(kCopyKey)] = Checked(superblock);
  for (size_t i = 0; i * kPieceBytes < text.size(); ++i) {
    properties[PieceKey(i)] = text.substr(i * kPieceBytes, kPieceBytes);
  }
  return properties;
}

std::optional<std::string> CopyFromProperties(
    const std::map<std::string, std::string>& properties) {
  const auto check = properties.find(std::string(kCopyKey));
  if (check == properties.end()) return std::nullopt;
  std::string text;
  for (size_t i = 0; i < kMaxPieces; ++i) {
    const auto piece = properties.find(PieceKey(i));
    if (piece == properties.end()) break;
    text += piece->second;
  }
  std::optional<std::string> superblock = FromBase64Url(text);
  if (superblock && Checked(*superblock) != check->second) return std::nullopt;
  return superblock;
}

}  // namespace driveroot
