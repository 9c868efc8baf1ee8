// SPDX-License-Identifier: Apache-2.0
#include "vmtest/package_archive/packages_index.h"

#include <array>
#include <cstdint>
#include <format>

#include "openssl/sha.h"
#include "tools/mkroot/debian_package.h"

namespace driveroot::vmtest {
namespace {

std::string Sha256Hex(std::string_view bytes) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         digest.data());
  std::string hex;
  for (const uint8_t byte : digest) hex += std::format("{:02x}", byte);
  return hex;
}

}  // namespace

Result<std::string> PackagesParagraph(const std::string& file_name,
                                      std::string_view archive) {
  DRIVEROOT_ASSIGN_OR_RETURN(const DebianPackage package,
                             ReadDebianPackage(file_name, archive));
  return std::format("{}Filename: ./{}\nSize: {}\nSHA256: {}\n\n",
                     package.control, file_name, archive.size(),
                     Sha256Hex(archive));
}

}  // namespace driveroot::vmtest
