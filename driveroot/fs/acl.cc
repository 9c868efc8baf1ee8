// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/acl.h"

#include <algorithm>

namespace driveroot {
namespace {

constexpr uint32_t kVersion = 2;
constexpr size_t kHeaderBytes = 4;
constexpr size_t kEntryBytes = 8;
constexpr uint32_t kNoId = 0xffffffff;

uint32_t ReadLittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

void AppendLittleEndian(std::string& out, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
}

const AclEntry* Find(const Acl& acl, AclTag tag) {
  const auto it = std::ranges::find(acl, tag, &AclEntry::tag);
  return it == acl.end() ? nullptr : &*it;
}

AclEntry* Find(Acl& acl, AclTag tag) {
  const auto it = std::ranges::find(acl, tag, &AclEntry::tag);
  return it == acl.end() ? nullptr : &*it;
}

// The entry that stands for the group's permission bits.
AclEntry* FindGroupClass(Acl& acl) {
  AclEntry* mask = Find(acl, AclTag::kMask);
  return mask != nullptr ? mask : Find(acl, AclTag::kGroupObject);
}

Status Invalid(std::string_view reason) {
  return Fail(ErrorCode::kInvalidArgument,
              "access control list: " + std::string(reason));
}

// Tags ascend in the order in which a list has to give them.
Status CheckComplete(const Acl& acl) {
  if (!std::ranges::is_sorted(acl, {}, &AclEntry::tag)) {
    return Invalid("entries out of order");
  }
  for (const AclTag tag :
       {AclTag::kUserObject, AclTag::kGroupObject, AclTag::kOther}) {
    if (std::ranges::count(acl, tag, &AclEntry::tag) != 1) {
      return Invalid("not exactly one entry for owner, group and others");
    }
  }
  const auto masks = std::ranges::count(acl, AclTag::kMask, &AclEntry::tag);
  const bool named = Find(acl, AclTag::kUser) != nullptr ||
                     Find(acl, AclTag::kGroup) != nullptr;
  if (masks > 1 || (named && masks == 0)) return Invalid("not one mask");
  return {};
}

}  // namespace

Result<Acl> ParseAcl(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes ||
      (bytes.size() - kHeaderBytes) % kEntryBytes != 0) {
    return std::unexpected(Invalid("wrong length").error());
  }
  if (ReadLittleEndian(bytes.substr(0, kHeaderBytes)) != kVersion) {
    return Fail(ErrorCode::kNotSupported,
                "access control list: unknown version");
  }
  Acl acl;
  for (size_t at = kHeaderBytes; at < bytes.size(); at += kEntryBytes) {
    const AclEntry entry = {
        .tag = static_cast<AclTag>(ReadLittleEndian(bytes.substr(at, 2))),
        .permissions =
            static_cast<uint16_t>(ReadLittleEndian(bytes.substr(at + 2, 2))),
        .id = ReadLittleEndian(bytes.substr(at + 4, 4))};
    if (entry.permissions > 7) {
      return std::unexpected(Invalid("unknown permissions").error());
    }
    switch (entry.tag) {
      case AclTag::kUser:
      case AclTag::kGroup:
        if (entry.id == kNoId) {
          return std::unexpected(Invalid("an entry without id").error());
        }
        break;
      case AclTag::kUserObject:
      case AclTag::kGroupObject:
      case AclTag::kMask:
      case AclTag::kOther:
        break;
      default:
        return std::unexpected(Invalid("unknown tag").error());
    }
    acl.push_back(entry);
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckComplete(acl));
  return acl;
}

std::string EncodeAcl(const Acl& acl) {
  std::string out;
  AppendLittleEndian(out, kVersion, 4);
  for (const AclEntry& entry : acl) {
    const bool named =
        entry.tag == AclTag::kUser || entry.tag == AclTag::kGroup;
    AppendLittleEndian(out, static_cast<uint32_t>(entry.tag), 2);
    AppendLittleEndian(out, entry.permissions, 2);
    AppendLittleEndian(out, named ? entry.id : kNoId, 4);
  }
  return out;
}

bool IsMinimalAcl(const Acl& acl) {
  return std::ranges::all_of(acl, [](const AclEntry& entry) {
    return entry.tag == AclTag::kUserObject ||
           entry.tag == AclTag::kGroupObject || entry.tag == AclTag::kOther;
  });
}

uint32_t AclPermissions(const Acl& acl) {
  const AclEntry* mask = Find(acl, AclTag::kMask);
  const AclEntry* group =
      mask != nullptr ? mask : Find(acl, AclTag::kGroupObject);
  return Find(acl, AclTag::kUserObject)->permissions << 6 |
         group->permissions << 3 | Find(acl, AclTag::kOther)->permissions;
}

void SetAclPermissions(Acl& acl, uint32_t permissions) {
  Find(acl, AclTag::kUserObject)->permissions = permissions >> 6 & 7;
  FindGroupClass(acl)->permissions = permissions >> 3 & 7;
  Find(acl, AclTag::kOther)->permissions = permissions & 7;
}

Acl InheritAcl(const Acl& default_acl, uint32_t& permissions) {
  Acl acl = default_acl;
  Find(acl, AclTag::kUserObject)->permissions &= permissions >> 6 & 7;
  FindGroupClass(acl)->permissions &= permissions >> 3 & 7;
  Find(acl, AclTag::kOther)->permissions &= permissions & 7;
  permissions = AclPermissions(acl);
  return acl;
}

}  // namespace driveroot
