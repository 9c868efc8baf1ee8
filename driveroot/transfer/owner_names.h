// SPDX-License-Identifier: Apache-2.0
//
// Numbers of this machine's users and groups. Thread-safe.
#ifndef DRIVEROOT_TRANSFER_OWNER_NAMES_H_
#define DRIVEROOT_TRANSFER_OWNER_NAMES_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace driveroot {

// As /etc/passwd and /etc/group have it; no other service is asked, since the
// program is static.
std::optional<uint32_t> LookUpOwner(bool is_group, std::string_view name);

// The same in the text of such a file.
std::optional<uint32_t> FindOwnerIn(std::string_view file,
                                    std::string_view name);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_OWNER_NAMES_H_
