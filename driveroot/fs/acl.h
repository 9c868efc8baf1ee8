// SPDX-License-Identifier: Apache-2.0
//
// POSIX access control lists, in the form in which Linux keeps them in the
// attributes system.posix_acl_access and system.posix_acl_default: a version
// (2), then entries of tag, permissions and id, all little-endian
// (include/uapi/linux/posix_acl_xattr.h). The rules are those of acl(5) and of
// POSIX 1003.1e draft 17. Pure functions.
#ifndef DRIVEROOT_FS_ACL_H_
#define DRIVEROOT_FS_ACL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

inline constexpr std::string_view kAccessAclName = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclName = "system.posix_acl_default";

enum class AclTag : uint16_t {
  kUserObject = 0x01,
  kUser = 0x02,
  kGroupObject = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};

struct AclEntry {
  AclTag tag = AclTag::kOther;
  uint16_t permissions = 0;  // 0 to 7
  uint32_t id = 0;           // of kUser and kGroup

  friend bool operator==(const AclEntry&, const AclEntry&) = default;
};

using Acl = std::vector<AclEntry>;

// kInvalidArgument when the bytes are no list, or not a complete and ordered
// one.
Result<Acl> ParseAcl(std::string_view bytes);
std::string EncodeAcl(const Acl& acl);

// Whether permission bits alone say the same.
bool IsMinimalAcl(const Acl& acl);

// The nine permission bits that stat shows for a file with this list.
uint32_t AclPermissions(const Acl& acl);

// Makes the list agree with permission bits that chmod(2) set.
void SetAclPermissions(Acl& acl, uint32_t permissions);

// The list of a new file in a directory with this default list, made with the
// permission bits `permissions`; these become what stat will show.
Acl InheritAcl(const Acl& default_acl, uint32_t& permissions);

}  // namespace driveroot

#endif  // DRIVEROOT_FS_ACL_H_
