// SPDX-License-Identifier: Apache-2.0
//
// Bytes as text in the URL's alphabet without padding: RFC 4648, section 5.
// Thread-safe.
#ifndef DRIVEROOT_BASE_BASE64_H_
#define DRIVEROOT_BASE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace driveroot {

std::string Base64Url(std::string_view bytes);

// The reverse. Nothing for what Base64Url() makes of no bytes.
std::optional<std::string> FromBase64Url(std::string_view text);

}  // namespace driveroot

#endif  // DRIVEROOT_BASE_BASE64_H_
