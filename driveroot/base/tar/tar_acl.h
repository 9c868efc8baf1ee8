// SPDX-License-Identifier: Apache-2.0
//
// Access control lists as archives have them, in text, turned into what Linux
// has in the attributes system.posix_acl_access and system.posix_acl_default
// (include/uapi/linux/posix_acl_xattr.h). Pure functions.
#ifndef DRIVEROOT_BASE_TAR_TAR_ACL_H_
#define DRIVEROOT_BASE_TAR_TAR_ACL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// The number of a user's or group's name, if known.
using OwnerLookup =
    std::function<std::optional<uint32_t>(bool is_group, std::string_view)>;

// `text` has entries as acl_from_text(3) takes them and star, GNU tar and
// libarchive write them: "user::rw-,user:lisa:r--:1001,group::r--,…".
//
// kInvalidArgument: it is no such list, or names somebody whom `lookup` does
// not know.
Result<std::string> AclXattrFromText(std::string_view text,
                                     const OwnerLookup& lookup);

// Whether a list says no more than a mode does: three entries.
bool IsMinimalAcl(std::string_view xattr);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_TAR_TAR_ACL_H_
