// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/credentials.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <format>
#include <system_error>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "initrd/init/smbios.h"

namespace driveroot {
namespace {

constexpr std::string_view kTextPrefix = "io.systemd.credential:";
constexpr std::string_view kBinaryPrefix = "io.systemd.credential.binary:";
constexpr std::string_view kFileSuffix = ".cred";

// systemd's limit for a credential is 1 MiB too.
constexpr uint64_t kMaxCredentialBytes = 1 << 20;
constexpr uint64_t kMaxTableBytes = 1 << 20;
constexpr std::string_view kSmbiosTable = "/sys/firmware/dmi/tables/DMI";

// The later folder wins: files beside one image are more particular than those
// of the whole boot partition.
constexpr std::array<std::string_view, 2> kFolders = {
    "/.extra/global_credentials",
    "/.extra/credentials",
};

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

Status AddFromFolder(std::string_view folder, Credentials& credentials) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return {};
  for (; entries != std::filesystem::directory_iterator();
       entries.increment(error)) {
    std::string name = entries->path().filename();
    if (!name.ends_with(kFileSuffix)) continue;
    name.resize(name.size() - kFileSuffix.size());
    DRIVEROOT_ASSIGN_OR_RETURN(
        credentials[name],
        ReadFile(entries->path().string(), kMaxCredentialBytes));
  }
  return {};
}

}  // namespace

Result<std::string> DecodeBase64(std::string_view text) {
  const auto bad = [] {
    return Fail(ErrorCode::kInvalidArgument, "is not Base64");
  };
  std::string decoded;
  uint32_t bits = 0;
  int characters = 0;
  int padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
      bits <<= 6U;
    } else {
      const int value = Base64Value(c);
      if (value < 0 || padding > 0) return bad();
      bits = bits << 6U | static_cast<uint32_t>(value);
    }
    if (++characters % 4 != 0) continue;
    if (padding > 2) return bad();
    for (int i = 0; i < 3 - padding; ++i) {
      decoded += static_cast<char>(bits >> (16U - 8U * i) & 0xffU);
    }
    bits = 0;
  }
  if (characters % 4 != 0 || padding > 2) return bad();
  return decoded;
}

Status AddFromOemStrings(std::span<const std::string> strings,
                         Credentials& credentials) {
  for (std::string_view string : strings) {
    const bool is_binary = string.starts_with(kBinaryPrefix);
    if (!is_binary && !string.starts_with(kTextPrefix)) continue;
    string.remove_prefix(is_binary ? kBinaryPrefix.size() : kTextPrefix.size());
    const size_t equals = string.find('=');
    if (equals == string.npos || equals == 0) continue;
    std::string name(string.substr(0, equals));
    const std::string_view value = string.substr(equals + 1);
    if (!is_binary) {
      credentials[std::move(name)] = value;
      continue;
    }
    Result<std::string> decoded = DecodeBase64(value);
    if (!decoded) {
      return std::unexpected(decoded.error().WithContext(
          std::format("the SMBIOS string {}{}", kBinaryPrefix, name)));
    }
    credentials[std::move(name)] = *std::move(decoded);
  }
  return {};
}

Result<Credentials> ReadCredentials() {
  Credentials credentials;
  for (const std::string_view folder : kFolders) {
    DRIVEROOT_RETURN_IF_ERROR(AddFromFolder(folder, credentials));
  }
  const Result<std::string> table =
      ReadFile(std::string(kSmbiosTable), kMaxTableBytes);
  if (table) {
    DRIVEROOT_RETURN_IF_ERROR(
        AddFromOemStrings(ParseOemStrings(*table), credentials));
  }
  return credentials;
}

}  // namespace driveroot
