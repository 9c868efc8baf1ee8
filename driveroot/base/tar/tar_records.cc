// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/tar_records.h"

#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "driveroot/base/base64.h"

namespace driveroot::tar_format {
namespace {

// Attributes as others than star write them: libarchive in Base64, its names
// escaped as in a URL; GNU tar those of SELinux.
constexpr std::string_view kLibarchivePrefix = "LIBARCHIVE.xattr.";
constexpr std::string_view kSecurityPrefix = "RHT.security.";
constexpr std::string_view kSelinux = "security.selinux";

constexpr std::string_view kAccessList = "system.posix_acl_access";
constexpr std::string_view kDefaultList = "system.posix_acl_default";

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kDataLoss,
              "damaged tar archive: " + std::string(what));
}

Status AddXattr(const std::string& name, std::string value, TarEntry* entry) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    return Malformed("an extended attribute has a bad name");
  }
  entry->xattrs[name] = std::move(value);
  return {};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string UrlDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (text[i] == '%' && high >= 0 && low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// The alphabet of RFC 4648, section 4, padded or not.
std::optional<std::string> FromBase64(std::string_view text) {
  std::string url(text.substr(0, text.find_last_not_of("=\n") + 1));
  for (char& c : url) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return FromBase64Url(url);
}

Status ApplyOwner(std::string_view key, const std::string& value,
                  TarEntry* entry) {
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t id, ParsePaxNumber(key, value));
  if (id > std::numeric_limits<uint32_t>::max()) {
    return Malformed("an owner is out of range");
  }
  (key == "uid" ? entry->uid : entry->gid) = static_cast<uint32_t>(id);
  return {};
}

Status ApplyStandard(std::string_view key, const std::string& value,
                     TarEntry* entry) {
  if (key == "uid" || key == "gid") return ApplyOwner(key, value, entry);
  if (key == "size") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->size, ParsePaxNumber(key, value));
  } else if (key == "mtime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->modified, ParsePaxTime(value));
  } else if (key == "atime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->accessed, ParsePaxTime(value));
  } else if (key == "ctime") {
    DRIVEROOT_ASSIGN_OR_RETURN(entry->changed, ParsePaxTime(value));
  } else if (key == "uname") {
    entry->user = value;
  } else if (key == "gname") {
    entry->group = value;
  }
  return {};
}

// The attribute's own bytes say more than any other form: they come last.
Status ApplyXattrs(const Records& records, TarEntry* entry,
                   std::vector<std::string>* losses) {
  for (auto record = records.lower_bound(kLibarchivePrefix);
       record != records.end() && record->first.starts_with(kLibarchivePrefix);
       ++record) {
    std::optional<std::string> value = FromBase64(record->second);
    if (!value) {
      losses->push_back("a malformed record " + record->first);
      continue;
    }
    DRIVEROOT_RETURN_IF_ERROR(AddXattr(
        UrlDecoded(
            std::string_view(record->first).substr(kLibarchivePrefix.size())),
        *std::move(value), entry));
  }
  for (auto record = records.lower_bound(kSecurityPrefix);
       record != records.end() && record->first.starts_with(kSecurityPrefix);
       ++record) {
    const std::string name =
        "security." + record->first.substr(kSecurityPrefix.size());
    std::string value = record->second;
    // Linux keeps a label with the NUL that ends it.
    if (name == kSelinux && !value.ends_with('\0')) value += '\0';
    DRIVEROOT_RETURN_IF_ERROR(AddXattr(name, std::move(value), entry));
  }
  for (auto record = records.lower_bound(kXattrPrefix);
       record != records.end() && record->first.starts_with(kXattrPrefix);
       ++record) {
    DRIVEROOT_RETURN_IF_ERROR(AddXattr(
        UnescapeXattrName(
            std::string_view(record->first).substr(kXattrPrefix.size())),
        record->second, entry));
  }
  return {};
}

Status ApplyAcl(std::string_view text, std::string_view attribute,
                const OwnerLookup& lookup, TarEntry* entry,
                std::vector<std::string>* losses) {
  const std::string name(attribute);
  if (entry->xattrs.contains(name)) return {};
  Result<std::string> xattr = AclXattrFromText(text, lookup);
  if (!xattr) {
    losses->push_back(xattr.error().message());
  } else if (attribute == kDefaultList || !IsMinimalAcl(*xattr)) {
    entry->xattrs[name] = *std::move(xattr);
  }
  return {};
}

}  // namespace

Status ApplyRecords(const Records& records, const OwnerLookup& lookup,
                    TarEntry* entry, std::vector<std::string>* losses) {
  for (const auto& [key, value] : records) {
    DRIVEROOT_RETURN_IF_ERROR(ApplyStandard(key, value, entry));
    if (key.starts_with("GNU.volume.")) {
      return Fail(ErrorCode::kNotSupported,
                  "the archive has several volumes, which is not supported: "
                  "join them, or make it without --multi-volume");
    }
    if (key == "SCHILY.acl.ace") {
      losses->push_back("an access control list of NFSv4");
    } else if (key == "SCHILY.fflags" && value != "none") {
      losses->push_back("file flags (" + value + ")");
    }
  }
  DRIVEROOT_RETURN_IF_ERROR(ApplyXattrs(records, entry, losses));
  for (const auto& [key, attribute] :
       {std::pair("SCHILY.acl.access", kAccessList),
        std::pair("SCHILY.acl.default", kDefaultList)}) {
    const auto found = records.find(key);
    if (found == records.end()) continue;
    DRIVEROOT_RETURN_IF_ERROR(
        ApplyAcl(found->second, attribute, lookup, entry, losses));
  }
  return {};
}

}  // namespace driveroot::tar_format
